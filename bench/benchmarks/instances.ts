import type { Benchmark } from '../benchmark.js';
import { billed } from '../bill.js';
import { drawFrom } from '../conflicts.js';
import type { Contender, Handler } from '../contenders/contender.js';
import { aggregate, transaction } from '../contenders/ours.js';
import { powertoolsFifo, powertoolsName } from '../contenders/powertools.js';
import { deliver } from '../delivery.js';
import { clientOf, type Engine } from '../engine.js';
import { Producer } from '../message.js';
import { rowsOf, type Sample } from '../row.js';
import { effectsOn, newTables } from '../tables.js';

const batchSize = 10;
const instances = 4;
const groups = 8;
const batchesPerGroup = 25;

export const manyInstances: Benchmark = {
  name: 'instances',
  about:
    'batches of ten messages of one FIFO group each, every batch to one of 4 instances at random: what is kept in memory goes stale',
  notMeasured: [
    'Lambda, which tends to send a group to where it was last: random routing is the worst case',
    'instances in processes of their own; here they share one and a client, and nothing else',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const peer = await routed(engine, powertoolsFifo, run);
      const ofRun: Sample[] = [];
      for (const [name, contender] of [
        ['aggregate', aggregate],
        ['transaction', transaction],
      ] as const) {
        const ours = await routed(engine, contender, run);
        for (const [measure, { value, unit }] of Object.entries(ours))
          ofRun.push({
            measure,
            case: `${name}, ${instances} instances`,
            ours: value,
            peer: peer[measure]?.value ?? null,
            unit,
          });
      }
      samples.push(ofRun);
      log(`instances: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, powertoolsName) };
  },
};

type Figures = Record<string, { readonly value: number; readonly unit: string }>;

async function routed(engine: Engine, contender: Contender, seed: number): Promise<Figures> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const bill = billed(client);
  const draw = drawFrom(seed);
  const producer = new Producer();
  const began = performance.now();
  const left = new Map(Array.from({ length: groups }, (_, i) => [`account-${i}`, batchesPerGroup]));
  const busy = new Set<string>();
  /** An instance has one batch at a time, and a FIFO group is with one instance at a time. */
  const serve = async (handler: Handler): Promise<void> => {
    for (;;) {
      const free = [...left.keys()].filter((account) => !busy.has(account));
      const account = free[Math.floor(draw() * free.length)];
      if (account === undefined) return;
      const batches = (left.get(account) ?? 0) - 1;
      if (batches === 0) left.delete(account);
      else left.set(account, batches);
      busy.add(account);
      const failed = await deliver(handler, producer.batch(Array<string>(batchSize).fill(account), 'FIFO'));
      if (failed.length > 0) throw new Error(`${failed.length} records failed in a benchmark without faults`);
      busy.delete(account);
    }
  };
  await Promise.all(Array.from({ length: instances }, () => serve(contender(client, tables))));
  const seconds = (performance.now() - began) / 1000;
  const { calls, writeUnits, readUnits } = bill;
  const effects = await Promise.all(
    Array.from({ length: groups }, (_, group) => effectsOn(client, tables, `account-${group}`)),
  );
  client.destroy();
  const messages = groups * batchesPerGroup * batchSize;
  const acted = effects.reduce((sum, count) => sum + count, 0);
  return {
    'WRU per message': { value: writeUnits / messages, unit: 'WRU' },
    'RRU per message': { value: readUnits / messages, unit: 'RRU' },
    'calls per batch': { value: calls / (groups * batchesPerGroup), unit: 'calls' },
    'messages/s': { value: messages / seconds, unit: '1/s' },
    'effects lost or doubled': { value: Math.abs(acted - messages), unit: 'effects' },
  };
}
