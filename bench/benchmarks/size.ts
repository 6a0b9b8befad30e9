import type { Benchmark } from '../benchmark.js';
import { bytesOf, type Entry } from '../bundle.js';
import { powertoolsName } from '../contenders/powertools.js';
import { ourReference, ourWays, peerCore, peerReference } from '../entries.js';
import { rowsOf, type Sample } from '../row.js';

export const size: Benchmark = {
  name: 'size',
  about: 'handler bundles, minified by esbuild, the AWS SDK left out',
  notMeasured: [
    'the AWS SDK, which both sides need and of which each uses other commands',
    'what compression of the deployment package takes off: code is loaded uncompressed',
  ],
  usesEngine: false,
  async run() {
    const kilobytes = async (entry: Entry) => (await bytesOf(entry)) / 1000;
    const sample = async (name: string, ours: Entry, peer: Entry): Promise<Sample> => ({
      measure: 'bundle',
      case: name,
      ours: await kilobytes(ours),
      peer: await kilobytes(peer),
      unit: 'kB',
    });
    const samples = await Promise.all([
      ...ourWays.map(({ name, entry }) => sample(name, entry, peerCore)),
      sample('reference consumer whole (with zod/mini)', ourReference, peerReference),
    ]);
    return { rows: rowsOf([samples], powertoolsName) };
  },
};
