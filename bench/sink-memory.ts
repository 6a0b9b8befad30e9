import { fork } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { debezium, runSink } from '../runtime/cdc/index.js';
import { compressing } from './compressing-sink.js';
import { madeLog, systemId } from './payment-log.js';
import type { Sample } from './row.js';

const mebibyte = 1024 * 1024;
/** Full ones. */
const batches = 8;
/** Of the first ones code is compiled, and pools are made. */
const warm = 2;

/**
 * What a partition's run holds while a batch is written, with its lines and what they are compressed to, in units of
 * the batch's bytes; and whether the last batch finds more than an early one. Each size in a process of its own.
 */
export async function sinkMemory(): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const megabytes of [1, 8]) {
    const marks = (await marksOf(megabytes * mebibyte)).slice(warm, batches);
    const [early, late] = [marks.at(0), marks.at(-1)];
    if (marks.length < batches - warm || early === undefined || late === undefined)
      throw new Error(`${marks.length} batches were looked at, must be ${batches - warm}`);
    const name = `batches of ${megabytes} MiB`;
    samples.push(
      {
        ...{ measure: 'memory held at a write, of the batch', case: name, unit: 'times' },
        ...{ ours: Math.max(...marks) / (megabytes * mebibyte), peer: null },
      },
      {
        ...{ measure: 'memory held at the last write, of an early one', case: name, unit: 'times' },
        ...{ ours: late / early, peer: null },
      },
    );
  }
  return samples;
}

/** Bytes at each write, beyond those of an idle process. */
async function marksOf(bytes: number): Promise<number[]> {
  const child = fork(__filename, [String(bytes)]);
  return new Promise((resolve, reject) => {
    child.once('message', (marks) => resolve(marks as number[]));
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}, and told nothing`)));
  });
}

async function main(bytes: number): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = () => {
    // What the first one finds to be free, the second one gives back.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const marks: number[] = [];
  const before = held();
  await runSink({
    source: madeLog({ bytes: (batches + 0.5) * bytes }),
    sink: compressing({ look: () => marks.push(held() - before) }),
    decode: debezium({ systemId }),
    batch: { rows: Infinity, bytes },
    stopAtEnd: true,
  });
  process.send?.(marks);
}

if (process.send !== undefined && /^\d+$/.test(process.argv[2] ?? '')) void main(Number(process.argv[2]));
