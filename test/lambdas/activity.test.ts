import { randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { ActivityEvent } from '../../lambdas/consumer/activity-event.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { drain, record, sqs } from '../fixtures/queue.js';

type Handler = (
  event: SQSEvent,
  context: { getRemainingTimeInMillis: () => number },
) => Promise<SQSBatchResponse>;

const client = dynamo();
const queues = sqs();
const before = { ...process.env };
let activity: Table;
let deadLetters: string;
let printed: string[];

beforeEach(async () => {
  activity = await newTable(client, 'counter');
  const dedup = await newTable(client, 'id');
  const { QueueUrl = '' } = await queues.send(new CreateQueueCommand({ QueueName: `dead-${randomUUID()}` }));
  deadLetters = QueueUrl;
  Object.assign(process.env, embedded().environment, {
    ACTIVITY_TABLE: activity.name,
    EXACTLY_ONCE_CONSUMER_NAME: 'activity',
    EXACTLY_ONCE_DEDUP_TABLE: dedup.name,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetters,
  });
  printed = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => printed.push(String(line)) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...before };
});

/** The entry point as Lambda loads it: anew, with the environment of this test. */
async function load(entry: 'activity' | 'unprotected-activity'): Promise<Handler> {
  jest.resetModules();
  const { handler } = (await import(`../../lambdas/consumer/${entry}`)) as { handler: Handler };
  return handler;
}

const context = { getRemainingTimeInMillis: () => 5_000 };

function event(given: Partial<ActivityEvent> = {}): ActivityEvent {
  return { eventId: randomUUID(), customer: 'c1', kind: 'view', at: '2026-11-23T10:59:59Z', ...given };
}

/** A delivery from a fair queue: a Standard message with a group, which orders nothing. */
function delivery(body: unknown, receiveCount = 1): SQSRecord {
  const standard = record({ body, receiveCount });
  return { ...standard, attributes: { ...standard.attributes, MessageGroupId: 'c1' } };
}

/** Events by kind and hour, over all shards. */
async function counts(): Promise<Record<string, number>> {
  const { Items = [] } = await client.send(
    new ScanCommand({ TableName: activity.name, ConsistentRead: true }),
  );
  const totals: Record<string, number> = {};
  for (const { counter, events } of Items.map(
    (item) => unmarshall(item) as { counter: string; events: number },
  )) {
    const hour = counter.slice(0, counter.lastIndexOf('#'));
    totals[hour] = (totals[hour] ?? 0) + events;
  }
  return totals;
}

test('ten events with a copy among them, delivered again and sent again, are counted once each', async () => {
  const handler = await load('activity');
  const events = [
    ...Array.from({ length: 6 }, () => event()),
    event({ kind: 'buy' }),
    event({ kind: 'search', at: '2026-11-23T13:00:00+02:00' }),
    event({ at: '2026-11-23T11:00:00.000Z' }),
  ];
  const batch = [...events, events[0]].map((body) => delivery(body));
  await handler({ Records: batch }, context);
  const again = batch.map((one) => ({
    ...one,
    attributes: { ...one.attributes, ApproximateReceiveCount: '2' },
  }));
  expect(await handler({ Records: again }, context)).toEqual({ batchItemFailures: [] });
  await handler({ Records: events.map((body) => delivery(body)) }, context);
  expect(await counts()).toEqual({
    'view#2026-11-23T10': 6,
    'buy#2026-11-23T10': 1,
    'search#2026-11-23T11': 1,
    'view#2026-11-23T11': 1,
  });
});

test('events of one counter row cost one write of it, and one call, for the whole batch', async () => {
  const handler = await load('activity');
  const sameRow = Array.from({ length: 10 }, () => event());
  await handler({ Records: sameRow.map((body) => delivery(body)) }, context);
  expect(await counts()).toEqual({ 'view#2026-11-23T10': 10 });
  // Ten receipts and one counter, 2 units each.
  expect(JSON.parse(printed.at(-1) ?? '')).toMatchObject({ processed: 10, calls: 1, writeUnits: 22 });
});

test('an instance keeps its shard, and instances are spread over 0 to 15', async () => {
  const shards = new Set<number>();
  for (let instance = 0; instance < 200; instance += 1) {
    jest.resetModules();
    const { counterOf } = await import('../../lambdas/consumer/activity-event.js');
    const own = new Set(Array.from({ length: 5 }, () => Number(counterOf(event()).split('#')[2])));
    expect(own.size).toBe(1);
    for (const shard of own) shards.add(shard);
  }
  expect(Math.min(...shards)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...shards)).toBeLessThan(16);
  expect(shards.size).toBeGreaterThan(4);
});

test.each([
  ['an unknown kind', { kind: 'return' }],
  ['a date without a time', { at: '2026-11-23' }],
  ['no event id', { eventId: '' }],
])('%s goes to the dead letters and is not counted', async (_, wrong) => {
  const handler = await load('activity');
  const good = event();
  const answer = await handler({ Records: [delivery({ ...event(), ...wrong }), delivery(good)] }, context);
  expect(answer).toEqual({ batchItemFailures: [] });
  expect(await counts()).toEqual({ 'view#2026-11-23T10': 1 });
  const [letter] = await drain(queues, deadLetters);
  expect(letter?.MessageAttributes?.['ExactlyOnce']?.StringValue).toContain('"consumerName":"activity"');
});

test('without receipts the same deliveries count twice', async () => {
  const handler = await load('unprotected-activity');
  const batch = [delivery(event())];
  await handler({ Records: batch }, context);
  await handler({ Records: batch }, context);
  expect(await counts()).toEqual({ 'view#2026-11-23T10': 2 });
  expect(JSON.parse(printed.at(-1) ?? '')).toMatchObject({
    exactlyOnce: 'batch',
    processed: 1,
    writeUnits: 1,
  });
});
