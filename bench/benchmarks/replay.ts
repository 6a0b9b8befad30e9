import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { resendStreams } from '../../cli/resend-streams.js';
import { Meter } from '../../runtime/dedup/meter.js';
import { outboxRelay, queueTarget, readStuck, type OutboxRelay } from '../../runtime/outbox/index.js';
import { newOutboxTable } from '../../test/fixtures/outbox-table.js';
import type { Benchmark } from '../benchmark.js';
import { billed } from '../bill.js';
import { eventsOf, recordsOf, writeAll } from '../busy-stream.js';
import { clientOf, type Engine } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';

const cases = [
  { name: '100 aggregates, 10 events each', aggregates: 100, each: 10 },
  { name: '1 aggregate, 1,000 events', aggregates: 1, each: 1_000 },
];
const batchSize = 100;
const latencyMs = 10;

export const replay: Benchmark = {
  name: 'replay',
  about: `\`outbox resend --all --target late\` for a consumer that comes late, with the sweeps that send it 1,000 events to a FIFO queue (calls of ${latencyMs} ms), against their first send by the table’s stream`,
  notMeasured: [
    'AWS, whose calls take longer, and the minute between two sweeps: a sweep works for as long as its function may run',
    'the late consumer, which the transaction way may slow down to less',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      for (const one of cases) ofRun.push(...(await replayed(engine, one)));
      samples.push(ofRun);
      log(`replay: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'the first send') };
  },
};

async function replayed(
  engine: Engine,
  { name, aggregates, each }: (typeof cases)[number],
): Promise<Sample[]> {
  const client = clientOf(engine);
  const table = await newOutboxTable(client);
  const items = eventsOf(aggregates, each);
  await writeAll(client, table, items);
  const access = { client, table, limits: { deadline: Infinity, meter: new Meter() } };

  const first = await timed(async () => {
    const relay = relayOf(client, table, ['first']);
    for (let i = 0; i < items.length; i += batchSize)
      await relay({ Records: recordsOf(items.slice(i, i + batchSize)) }, inTime());
  });
  const bill = billed(client);
  const order = { since: 0, dryRun: false, reason: 'a consumer that comes late' };
  const listing = await timed(() => resendStreams(access, { ...order, target: nameOf('late') }));
  let sent = 0;
  const relay = relayOf(client, table, ['first', 'late'], (count) => (sent += count));
  const streams = [...new Set(items.map(({ stream }) => stream?.S ?? ''))];
  const sending = await timed(async () => {
    do await relay({}, inTime());
    while ((await Promise.all(streams.map((stream) => readStuck(access, stream)))).some(Boolean));
  });
  client.destroy();
  if (sent !== items.length) throw new Error(`${sent} of ${items.length} events were sent again`);
  const row = (measure: string, unit: string, ours: number, peer: number | null = null): Sample => ({
    ...{ measure, case: name, unit, ours, peer },
  });
  return [
    row('events/s', '1/s', sent / (listing + sending), items.length / first),
    row('of that the command', '%', (100 * listing) / (listing + sending)),
    row('WRU per event', 'WRU', bill.writeUnits / sent),
  ];
}

const nameOf = (target: string) => `https://none/${target}.fifo`;
const inTime = () => {
  const end = Date.now() + 30_000;
  return { getRemainingTimeInMillis: () => end - Date.now() };
};

function relayOf(
  dynamodb: DynamoDBClient,
  table: string,
  names: readonly string[],
  count: (sent: number) => void = () => undefined,
): OutboxRelay {
  const client = { send: () => sleep(latencyMs, { Failed: [] }) } as unknown as SQSClient;
  return outboxRelay({
    ...{ table, retentionSeconds: 3600, graceSeconds: 3600, dynamodb },
    targets: names.map((name) => queueTarget({ queueUrl: nameOf(name), client })),
    observe: ({ sent }) => count(sent),
    observeGauges: () => undefined,
  });
}

/** Seconds that it takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
