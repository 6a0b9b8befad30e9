import { describeEmbedded } from '../../targets/embedded/index.js';
import { outboxRelay } from '../../runtime/outbox/index.js';
import type { Benchmark } from '../benchmark.js';
import { billed } from '../bill.js';
import type { Handler } from '../contenders/contender.js';
import { transaction } from '../contenders/ours.js';
import { deliver } from '../delivery.js';
import { clientOf, floorEngine, type Engine } from '../engine.js';
import { eventLatencies, everyMs, latencyEvents } from '../event-latency.js';
import { Producer } from '../message.js';
import { newOutboxTable } from '../../test/fixtures/outbox-table.js';
import { newRecords } from '../new-records.js';
import { publisher, type Publishing } from '../publisher.js';
import { quantile, rowsOf, type Sample } from '../row.js';
import { newTables } from '../tables.js';

const batchSize = 10;
const warmBatches = 2;
const batches = 5;

export const publish: Benchmark = {
  name: 'publish',
  about: `what publishing an event of 900 bytes adds to the write units of a payment, and the time of ${latencyEvents} events, one every ${everyMs} ms at a random moment of them, from just before the commit until a reader of the target queue has them`,
  notMeasured: [
    'what a transaction reports for its tables: it is billed by the published rule, 2 units per action and KB',
    'the sweep, which finds nothing while the stream works, and the requests of the relay and to the targets',
    'the guarantee: the peer loses the event when it dies between the commit and SendMessage',
    'times on DynamoDB Local, which has neither queues nor functions: null',
    'times on AWS: the emulator’s stream is read 10 times a second, Lambda’s 4 times; the emulator’s functions, queues and this program share one machine',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      samples.push([...(await costs(engine)), ...(await times(engine))]);
      log(`publish: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'SendMessage after the commit, without any guarantee') };
  },
};

/** The peer is what is subtracted, and SendMessage writes to no table. */
async function costs(engine: Engine): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const groups of [1, 10]) {
    const plain = await paid(engine, groups);
    for (const about of ['the account', 'something else'] as const) {
      const publishing = await paid(engine, groups, about);
      const anyway = about === 'the account' ? 'aggregate written anyway' : 'aggregate not written otherwise';
      const name = `${anyway}, ${groups} group${groups === 1 ? '' : 's'}`;
      const parts = [
        ['commit', publishing.commit - plain.commit],
        ['relay', publishing.relay],
        ['in all', publishing.commit - plain.commit + publishing.relay],
      ] as const;
      for (const [part, ours] of parts)
        samples.push({ measure: `WRU per event, ${part}`, unit: 'WRU', case: name, ours, peer: 0 });
    }
  }
  return samples;
}

interface Paid {
  readonly commit: number;
  readonly relay: number;
}

/** Write units per payment, with an event or without one. */
async function paid(engine: Engine, groups: number, about?: Publishing['about']): Promise<Paid> {
  const [client, bystander] = [clientOf(engine), clientOf(engine)];
  const tables = await newTables(bystander);
  const outboxTable = await newOutboxTable(bystander);
  const bill = billed(client);
  const handler =
    about === undefined ? transaction(client, tables) : publisher(client, tables, { outboxTable, about });
  const relay = outboxRelay({
    ...{ table: outboxTable, retentionSeconds: 7 * 24 * 3600, graceSeconds: 3600 },
    targets: [{ name: 'stub', send: () => Promise.resolve(new Map()) }],
    dynamodb: client,
    observe: () => undefined,
  });
  const next = newRecords(bystander, outboxTable);
  const relayed = async (): Promise<number> => {
    const Records = await next();
    const { batchItemFailures } = await relay({ Records }, { getRemainingTimeInMillis: () => 30_000 });
    if (batchItemFailures.length > 0) throw new Error('the relay failed in a benchmark without faults');
    return Records.length;
  };

  const producer = new Producer();
  const names = Array.from({ length: batchSize }, (_, i) => `account-${i % groups}`);
  await settle(handler, producer, names, warmBatches);
  await relayed();

  const before = bill.writeUnits;
  await settle(handler, producer, names, batches);
  const commit = bill.writeUnits - before;
  const atRelay = bill.writeUnits;
  const count = await relayed();
  const payments = batches * batchSize;
  if (count !== (about === undefined ? 0 : payments))
    throw new Error(`${payments} payments have left ${count} events`);
  for (const one of [client, bystander]) one.destroy();
  return {
    commit: commit / payments,
    relay: (bill.writeUnits - atRelay) / payments,
  };
}

async function settle(handler: Handler, producer: Producer, names: readonly string[], count: number) {
  for (let i = 0; i < count; i += 1) {
    const failed = await deliver(handler, producer.batch(names, 'FIFO'));
    if (failed.length > 0) throw new Error(`${failed.length} records failed in a benchmark without faults`);
  }
}

async function times(engine: Engine): Promise<Sample[]> {
  const target = engine.name === floorEngine ? undefined : describeEmbedded(engine.client.endpoint);
  const ours = target && (await eventLatencies(target, 'outbox'));
  const peer = target && (await eventLatencies(target, 'sent'));
  return [0.5, 0.99].map((share) => ({
    ...{ measure: `p${share * 100}`, unit: 'ms', case: 'end to end' },
    ours: ours === undefined ? null : quantile(ours, share),
    peer: peer === undefined ? null : quantile(peer, share),
  }));
}
