import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { kafkaClientFolder, kafkaMissing, startKafka } from '../../targets/kafka/index.js';
import type { Benchmark } from '../benchmark.js';
import { root } from '../bundle.js';
import { streamsCommand } from '../kafka/streams/streams-copy.js';
import type { FillOrder } from '../kafka/transform-order.js';
import { rowsOf, type Sample } from '../row.js';

const records = 150_000;
const bytes = 1_000;
const commitIntervalMs = 100;
/** Never reached within an interval, so that the interval decides. */
const maxBatch = 20_000;
/** Kafka Streams commits every 100 ms with exactly_once_v2 unless it is told otherwise. */
const streamsName = `${bytes} bytes, against Kafka Streams exactly_once_v2 at its defaults (every 100 ms)`;
const name = `one topic to another, ${bytes} bytes, commits every ${commitIntervalMs} ms`;

export const kafka: Benchmark = {
  name: 'kafka',
  about: `${records} records of ${bytes} bytes from one topic to another through the Kafka processor, against the same client without transactions: read, write, wait until it is written, commit the offsets (at least once), both with a commit every ${commitIntervalMs} ms; and against Kafka Streams with exactly_once_v2, whose own default is a commit every 100 ms`,
  notMeasured: [
    'MSK: one broker on the same machine, no replicas, no network; a commit there takes several round trips',
    'the first commit of a process, which joins the group; but with Kafka Streams the first seconds of a JVM, which compiles while it works: a long run is faster',
  ],
  usesEngine: false,
  async run({ runs, log }) {
    const missing = kafkaMissing();
    if (missing !== undefined) throw new Error(missing);
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-bench-'));
    const broker = await startKafka();
    try {
      const file = join(folder, 'transformer.js');
      await build({
        entryPoints: [join(root, 'bench', 'kafka', 'transformer.ts')],
        bundle: true,
        platform: 'node',
        outfile: file,
      });
      const common = { client: kafkaClientFolder(), servers: broker.servers };
      const streams = await streamsCommand(log);
      const sides = ['plain', 'processor', 'streams'] as const;
      const outputs = Array.from({ length: runs }, (_, run) => sides.map((side) => `${side}-${run}`)).flat();
      await ended(file, { mode: 'fill', ...common, topics: ['input', ...outputs], records, bytes });
      const [againstPlain, againstStreams]: [Sample[][], Sample[][]] = [[], []];
      for (let run = 0; run < runs; run += 1) {
        const orderOf = (side: string) => ({
          ...{ ...common, group: `${side}-${run}`, input: 'input', output: `${side}-${run}` },
          ...{ commitIntervalMs, maxBatch },
        });
        const through = (mode: 'plain' | 'processor') =>
          perSecond(mode, [process.execPath, file, JSON.stringify({ mode, ...orderOf(mode) })]);
        const peer = await through('plain');
        const ours = await through('processor');
        const javas = await perSecond('Kafka Streams', streams(orderOf('streams'), records));
        againstPlain.push(compared(name, ours, peer));
        againstStreams.push(compared(streamsName, ours, javas));
        log(`kafka: run ${run + 1} of ${runs}`);
      }
      return {
        rows: [...rowsOf(againstPlain, 'without transactions'), ...rowsOf(againstStreams, 'Kafka Streams')],
      };
    } finally {
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Runs a process to its end. */
function ended(file: string, order: FillOrder): Promise<void> {
  const child = spawn(process.execPath, [file, JSON.stringify(order)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the filling ended with ${code}`)),
    );
  });
}

function compared(of: string, ours: number, peer: number): Sample[] {
  return [
    { measure: 'records/s', case: of, unit: '1/s', ours, peer },
    { measure: 'records/s against the peer', case: of, unit: 'times', ours: ours / peer, peer: 1 },
  ];
}

/** Records a second between the first commit and the last one. */
async function perSecond(side: string, [command = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let done = 0;
  let first: { readonly time: number; readonly done: number } | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { time, messages } = JSON.parse(line) as { time: number; messages: number };
      done += messages;
      first ??= { time, done };
      if (done >= records) return ((done - first.done) / (time - first.time)) * 1_000;
    }
  } finally {
    child.kill('SIGKILL');
  }
  throw new Error(`${side} ended after ${done} of ${records} records`);
}
