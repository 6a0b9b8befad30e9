import type { Benchmark } from '../benchmark.js';
import { bundled, type Entry } from '../bundle.js';
import { powertoolsName } from '../contenders/powertools.js';
import { ourReference, ourWays, peerCore, peerReference } from '../entries.js';
import { rowsOf, type Sample } from '../row.js';

export const size: Benchmark = {
  name: 'size',
  about: 'handler bundles as HandlerFunction makes them, but minified, the AWS SDK left out',
  notMeasured: [
    'the AWS SDK, which both sides need and of which each uses other commands',
    'what compression of the deployment package takes off: code is loaded uncompressed',
  ],
  usesEngine: false,
  async run() {
    const compared = async (name: string, ours: Entry, peer: Entry): Promise<Sample[]> => {
      const [own, other] = await Promise.all([bundled(ours), bundled(peer)]);
      const row = (measure: string, bytes: 'atStart' | 'whole'): Sample => ({
        measure,
        case: name,
        ours: own[bytes] / 1000,
        peer: other[bytes] / 1000,
        unit: 'kB',
      });
      return [row('loaded at start', 'atStart'), row('bundle', 'whole')];
    };
    const samples = await Promise.all([
      ...ourWays.map(({ name, entry }) => compared(name, entry, peerCore)),
      compared('reference consumer whole (with zod/mini)', ourReference, peerReference),
    ]);
    return { rows: rowsOf([samples.flat()], powertoolsName) };
  },
};
