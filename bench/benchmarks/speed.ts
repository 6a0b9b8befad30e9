import type { Benchmark } from '../benchmark.js';
import type { Contender, Handler } from '../contenders/contender.js';
import { aggregateByHand, packedByHand, singleByHand } from '../contenders/by-hand.js';
import { aggregate, insert, singleTransactions, transaction } from '../contenders/ours.js';
import { powertoolsFifo, powertoolsInsert, powertoolsName } from '../contenders/powertools.js';
import { deliver } from '../delivery.js';
import { clientOf, type Engine } from '../engine.js';
import { Producer } from '../message.js';
import { quantile, rowsOf, type Sample } from '../row.js';
import { newTables } from '../tables.js';

const batchSize = 10;
const atOnce = 8;
/** Both Node and the engine's JVM compile what runs often: until then a call costs several times as much. */
const preheatMs = 4_000;
const warmMs = 1_000;
const measuredMs = 2_500;

interface Pair {
  readonly name: string;
  readonly ours: Contender;
  readonly peer: Contender;
  /** The same writes without a library. */
  readonly byHand?: Contender;
}

const pairs: readonly Pair[] = [
  { name: 'aggregate', ours: aggregate, peer: powertoolsFifo, byHand: aggregateByHand },
  { name: 'packed transactions', ours: transaction, peer: powertoolsFifo, byHand: packedByHand },
  { name: 'single transactions', ours: singleTransactions, peer: powertoolsFifo, byHand: singleByHand },
  { name: 'insert', ours: insert, peer: powertoolsInsert },
];

export const speed: Benchmark = {
  name: 'speed',
  about:
    'batches of ten messages of one FIFO group each: messages a second with 8 batches at once, time of a batch alone',
  notMeasured: [
    'the network to AWS: a round trip to a local engine is shorter, so calls weigh less here than there',
    'DynamoDB itself, whose transactions are slower than its single writes; only the ratio of both sides on one engine means something',
    'Lambda: all 8 instances share one process and, with the engine, one machine, which holds back the faster side more',
    'SQS: batches are handed to the handlers directly',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    const contenders = [...new Set(pairs.flatMap(({ ours, peer, byHand }) => [ours, peer, byHand ?? peer]))];
    for (const contender of contenders) await speedOf(engine, contender, preheatMs);
    log('speed: engine is warm');
    for (let run = 0; run < runs; run += 1) {
      const measured = new Map<Contender, Speed>();
      // Whoever comes first meets the colder engine: the order turns with every run.
      for (const contender of run % 2 === 0 ? contenders : contenders.toReversed())
        measured.set(contender, await speedOf(engine, contender, warmMs));
      samples.push(
        pairs.flatMap(({ name, ours, peer, byHand }) => [
          ...compared(name, measured.get(ours), measured.get(peer)),
          ...withoutLibrary(name, byHand && measured.get(byHand), measured.get(peer)),
        ]),
      );
      log(`speed: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, powertoolsName) };
  },
};

interface Speed {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

function compared(name: string, ours: Speed | undefined, peer: Speed | undefined): Sample[] {
  if (ours === undefined || peer === undefined) return [];
  return [
    { measure: 'messages/s', case: name, ours: ours.perSecond, peer: peer.perSecond, unit: '1/s' },
    {
      measure: 'messages/s against the peer',
      case: name,
      ours: ours.perSecond / peer.perSecond,
      peer: 1,
      unit: 'times',
    },
    { measure: 'p50 of a batch', case: name, ours: ours.p50, peer: peer.p50, unit: 'ms' },
    { measure: 'p99 of a batch', case: name, ours: ours.p99, peer: peer.p99, unit: 'ms' },
  ];
}

/** What the engine leaves to any library: a floor above this one cannot be reached here. */
function withoutLibrary(name: string, byHand: Speed | undefined, peer: Speed | undefined): Sample[] {
  if (byHand === undefined || peer === undefined) return [];
  const ratio = byHand.perSecond / peer.perSecond;
  return [
    { measure: 'the same writes by hand, against the peer', case: name, ours: ratio, peer: 1, unit: 'times' },
  ];
}

async function speedOf(engine: Engine, contender: Contender, warmUpMs: number): Promise<Speed> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const producer = new Producer();
  const worker = (i: number) => ({ handler: contender(client, tables), group: `account-${i}` });
  const workers = Array.from({ length: atOnce }, (_, i) => worker(i));
  const [first] = workers;
  if (first === undefined) throw new Error('no workers');

  const timed = async ({ handler, group }: { handler: Handler; group: string }): Promise<number> => {
    const records = producer.batch(Array<string>(batchSize).fill(group), 'FIFO');
    const began = performance.now();
    const failed = await deliver(handler, records);
    if (failed.length > 0) throw new Error(`${failed.length} records failed in a benchmark without faults`);
    return performance.now() - began;
  };
  const allFor = async (ms: number): Promise<number> => {
    const began = performance.now();
    const counts = await Promise.all(
      workers.map(async (one) => {
        let batches = 0;
        for (; performance.now() - began < ms; batches += 1) await timed(one);
        return batches;
      }),
    );
    const batches = counts.reduce((sum, count) => sum + count, 0);
    return (batches * batchSize * 1000) / (performance.now() - began);
  };

  await allFor(warmUpMs);
  const perSecond = await allFor(measuredMs);
  const times: number[] = [];
  for (const began = performance.now(); performance.now() - began < measuredMs;)
    times.push(await timed(first));
  client.destroy();
  return { perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}
