import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sqsAggregateConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import type { Benchmark } from '../benchmark.js';
import { billed } from '../bill.js';
import { drawFrom, type Draw } from '../conflicts.js';
import type { Handler } from '../contenders/contender.js';
import { deliver } from '../delivery.js';
import { clientOf, type Engine } from '../engine.js';
import { Payment, Producer, recordOf, type Queue } from '../message.js';
import { rowsOf, type Sample } from '../row.js';
import { effectsOn, newTables, type Tables } from '../tables.js';

const events = 2_000;
const batchSize = 10;
/** How far apart two events may change places, and the share of them that comes twice. */
const window = 50;
const copies = 0.05;

export const outboxOrder: Benchmark = {
  name: 'outbox',
  about: `${events} events that their producer has numbered, in order on Standard (random within ${window}, ${copies * 100} % copies) against the same events on FIFO (in order, the same copies)`,
  notMeasured: [
    'the queues: on AWS, FIFO has a limit of calls per second and Standard has none',
    'several instances at once, which on Standard meet on one aggregate and on FIFO do not',
    'publishing and relaying, which are measured by `publish`',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      for (const aggregates of [1, 20, 1_000]) {
        const standard = await consumed(engine, 'Standard', aggregates, run);
        const fifo = await consumed(engine, 'FIFO', aggregates, run);
        for (const [measure, { value, unit }] of Object.entries(standard))
          ofRun.push({
            ...{ measure, unit, case: `${aggregates} aggregates` },
            ...{ ours: value, peer: fifo[measure]?.value ?? null },
          });
      }
      samples.push(ofRun);
      log(`outbox: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'the same consumer behind FIFO') };
  },
};

type Figures = Record<string, { readonly value: number; readonly unit: string }>;

async function consumed(engine: Engine, queue: Queue, aggregates: number, seed: number): Promise<Figures> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const bill = billed(client);
  const draw = drawFrom(seed);
  const names = Array.from({ length: aggregates }, (_, i) => `account-${i}`);
  const producer = new Producer();
  const payments = Array.from({ length: events }, () =>
    producer.payment(names[Math.floor(draw() * aggregates)] ?? ''),
  );
  const sent = withCopies(payments, draw);
  const records = (queue === 'Standard' ? shuffled(sent, draw) : sent).map((one) => recordOf(one, queue));
  const counts = { parked: 0 };
  const handler = consumerOf(client, tables, counts);
  const began = performance.now();
  for (let i = 0; i < records.length; i += batchSize) {
    const failed = await deliver(handler, records.slice(i, i + batchSize));
    if (failed.length > 0) throw new Error(`${failed.length} records failed in a benchmark without faults`);
  }
  const seconds = (performance.now() - began) / 1000;
  const { writeUnits, readUnits } = bill;
  let acted = 0;
  for (const name of names) acted += await effectsOn(client, tables, name);
  client.destroy();
  return {
    'share parked': { value: counts.parked / events, unit: 'of events' },
    'WRU per event': { value: writeUnits / events, unit: 'WRU' },
    'RRU per event': { value: readUnits / events, unit: 'RRU' },
    'events/s': { value: events / seconds, unit: '1/s' },
    'effects lost or doubled': { value: Math.abs(acted - events), unit: 'effects' },
  };
}

function consumerOf(dynamodb: DynamoDBClient, tables: Tables, counts: { parked: number }): Handler {
  return sqsAggregateConsumer<typeof Payment, { payments: number; cents: number }>({
    settings: { consumerName: 'bench', deadLetterQueueUrl: 'http://127.0.0.1:1/none' },
    schema: Payment,
    dynamodb,
    table: table({ name: tables.accounts, partitionKey: 'account' }),
    aggregate: ({ body: { account } }) => ({ account }),
    version: ({ body: { version } }) => ({ source: 'bench', version }),
    reduce: (state = { payments: 0, cents: 0 }, { body }) => ({
      payments: state.payments + 1,
      cents: state.cents + body.cents,
    }),
    observe: ({ parked }) => void (counts.parked += parked),
  });
}

/** Some come again, up to two windows later, as messages of their own. */
function withCopies(payments: readonly Payment[], draw: Draw): Payment[] {
  const placed = payments.map((payment, place) => ({ payment, place }));
  const again = placed
    .filter(() => draw() < copies)
    .map(({ payment, place }) => ({ payment: { ...payment }, place: place + draw() * 2 * window }));
  return [...placed, ...again].sort((a, b) => a.place - b.place).map(({ payment }) => payment);
}

/** Every element up to half a window from its place. */
function shuffled<T>(list: readonly T[], draw: Draw): T[] {
  return list
    .map((element, place) => ({ element, place: place + draw() * window }))
    .sort((a, b) => a.place - b.place)
    .map(({ element }) => element);
}
