import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Benchmark } from '../benchmark.js';
import { bundleInto, root, type Entry } from '../bundle.js';
import { powertoolsName } from '../contenders/powertools.js';
import { bareClient, ourCore, peerCore, withBareClient } from '../entries.js';
import { quantile, rowsOf, type Sample } from '../row.js';

const execute = promisify(execFile);
const starts = 40;

export const coldStart: Benchmark = {
  name: 'cold-start',
  about: `time to import a handler's bundle in a new process over that of the bare DynamoDB client, median of ${starts} starts`,
  notMeasured: [
    'Lambda: the start of its sandbox, and a function with less than a whole CPU',
    'the first call, its TLS connection and credentials',
  ],
  usesEngine: false,
  async run({ runs, log }) {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-bench-'));
    try {
      // Where the SDK is outside, Node finds it from here.
      await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
      const importer = join(folder, 'import.mjs');
      await writeFile(
        importer,
        'const began = performance.now(); await import(process.argv[2]); console.log(performance.now() - began);',
      );
      const samples: Sample[][] = Array.from({ length: runs }, () => []);
      for (const sdk of ['inside', 'outside'] as const) {
        const file = (name: string, entry: Entry) => bundleInto(join(folder, `${name}-${sdk}`), entry, sdk);
        const bare = file('bare', bareClient);
        const ours = file('ours', withBareClient(ourCore));
        const peer = file('peer', withBareClient(peerCore));
        for (const [run, ofRun] of samples.entries()) {
          ofRun.push(...(await compared(importer, { bare, ours, peer }, `AWS SDK ${sdk} the bundle`)));
          log(`cold-start: run ${run + 1} of ${runs}, AWS SDK ${sdk}`);
        }
      }
      return { rows: rowsOf(samples, powertoolsName) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Files {
  readonly bare: string;
  readonly ours: string;
  readonly peer: string;
}

/**
 * They take turns, and each is held against the bare client's start next to it: whatever else the machine does falls
 * on both.
 */
async function compared(importer: string, files: Files, name: string): Promise<Sample[]> {
  const bare: number[] = [];
  const ours: number[] = [];
  const peer: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const alone = await importMs(importer, files.bare);
    bare.push(alone);
    ours.push((await importMs(importer, files.ours)) - alone);
    peer.push((await importMs(importer, files.peer)) - alone);
  }
  const median = (values: number[]) => quantile(values, 0.5);
  return [
    { measure: 'bare client', case: name, ours: median(bare), peer: median(bare), unit: 'ms' },
    { measure: 'over the bare client', case: name, ours: median(ours), peer: median(peer), unit: 'ms' },
  ];
}

async function importMs(importer: string, file: string): Promise<number> {
  return Number((await execute(process.execPath, [importer, file])).stdout);
}
