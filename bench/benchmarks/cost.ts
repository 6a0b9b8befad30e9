import type { SQSRecord } from 'aws-lambda';
import type { Benchmark } from '../benchmark.js';
import { billed, type Bill } from '../bill.js';
import type { Contender } from '../contenders/contender.js';
import { aggregate, insert, transaction } from '../contenders/ours.js';
import { powertoolsFifo, powertoolsInsert, powertoolsName } from '../contenders/powertools.js';
import { deliver } from '../delivery.js';
import { clientOf, type Engine } from '../engine.js';
import { Producer, redelivered } from '../message.js';
import { rowsOf, type Sample } from '../row.js';
import { newTables } from '../tables.js';

const batchSize = 10;
const warmBatches = 2;
const batches = 5;

const firstBatch = 'first batch of an instance';

const ways: readonly { name: string; ours: Contender; peer: Contender }[] = [
  { name: 'aggregate', ours: aggregate, peer: powertoolsFifo },
  { name: 'insert', ours: insert, peer: powertoolsInsert },
  { name: 'transaction', ours: transaction, peer: powertoolsFifo },
];

export const cost: Benchmark = {
  name: 'cost',
  about: 'DynamoDB calls and units for batches of ten, FIFO, one effect per message',
  notMeasured: [
    'items above 1 KB, secondary indexes, streams and backups: each costs both sides more',
    'the storage of receipts, and their deletion by TTL, which costs nothing',
    'SQS and Lambda, whose number of requests is the same for both sides',
    'what a refused call costs is not reported by DynamoDB: it is added by the published rules (1 unit for a failed condition, 2 per action of a cancelled transaction)',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      for (const { name, ours, peer } of ways)
        for (const groups of [1, 10, 20]) {
          const [mine, theirs] = [
            await figuresOf(engine, ours, groups),
            await figuresOf(engine, peer, groups),
          ];
          const label = `${name}, ${groups} group${groups === 1 ? '' : 's'}`;
          for (const [kind, figures] of mine)
            for (const [measure, { value, unit }] of Object.entries(figures))
              ofRun.push({
                measure,
                case: `${label}, ${kind}`,
                ours: value,
                peer: theirs.get(kind === firstBatch ? 'unique' : kind)?.[measure]?.value ?? null,
                unit,
              });
        }
      samples.push(ofRun);
      log(`cost: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, powertoolsName) };
  },
};

type Figures = Record<string, { readonly value: number; readonly unit: string }>;

/** What one instance pays: for its first batch, for later ones, and for both kinds of copies of them. */
async function figuresOf(
  engine: Engine,
  contender: Contender,
  groups: number,
): Promise<Map<string, Figures>> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const bill = billed(client);
  const handler = contender(client, tables);
  const producer = new Producer();
  const names = Array.from({ length: groups }, (_, i) => `account-${i}`);
  let next = 0;
  const batch = () =>
    producer.batch(
      Array.from({ length: batchSize }, () => names[next++ % groups] ?? ''),
      'FIFO',
    );

  const paid = async (work: readonly SQSRecord[][]): Promise<Figures> => {
    const { calls, writeUnits, readUnits } = bill;
    let sequence = 0;
    for (const records of work) {
      bill.sequence = 0;
      const failed = await deliver(handler, records);
      if (failed.length > 0) throw new Error(`${failed.length} records failed in a benchmark without faults`);
      sequence += bill.sequence;
    }
    return perMessage({ calls, writeUnits, readUnits }, bill, sequence, work.length);
  };
  const many = (count: number) => Array.from({ length: count }, batch);

  const figures = new Map<string, Figures>();
  // Only the aggregate way keeps anything in memory that its first batch does not find there.
  if (contender === aggregate) figures.set(firstBatch, await paid(many(1)));
  await paid(many(warmBatches));
  const sent = many(batches);
  figures.set('unique', await paid(sent));
  if (groups <= batchSize) {
    figures.set('duplicate delivered again', await paid(sent.map((records) => records.map(redelivered))));
    figures.set('duplicate sent again', await paid(sent));
  }
  client.destroy();
  return figures;
}

function perMessage(before: Omit<Bill, 'sequence'>, after: Bill, sequence: number, count: number): Figures {
  const messages = count * batchSize;
  return {
    'WRU per message': { value: (after.writeUnits - before.writeUnits) / messages, unit: 'WRU' },
    'RRU per message': { value: (after.readUnits - before.readUnits) / messages, unit: 'RRU' },
    'calls per batch': { value: (after.calls - before.calls) / count, unit: 'calls' },
    'calls in sequence per batch': { value: sequence / count, unit: 'calls' },
  };
}
