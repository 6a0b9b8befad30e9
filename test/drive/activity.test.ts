import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { type ActivityAudit, auditActivity, readCounters } from '../../drive/audit/activity-audit.js';
import { type ActivityEvent, activityEvents, counterOf } from '../../drive/input/activity-events.js';
import { sendActivity } from '../../drive/paths/activity-sender.js';
import { backlogGate } from '../../drive/audit/backlog.js';
import type { DeadLetter } from '../../drive/audit/dead-letters.js';
import { lineFile, temporaryFolder } from '../../drive/audit/journal.js';
import { readPurchases } from '../../drive/input/purchases.js';
import { embedded } from '../fixtures/embedded.js';
import { collect } from './collect.js';

const { client } = embedded();
const dynamo = new DynamoDBClient(client);
const sqs = new SQSClient(client);
afterAll(() => {
  dynamo.destroy();
  sqs.destroy();
});

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const entries = [
  ...['a', 'b', 'c'].map((eventId) => ({ eventId, counter: 'view#1997-01-01T00' })),
  ...['d', 'e'].map((eventId) => ({ eventId, counter: 'buy#1997-01-01T01' })),
];
const right = {
  'view#1997-01-01T00#0': 1,
  'view#1997-01-01T00#15': 2,
  'buy#1997-01-01T01#3': 2,
};

/** Writes the counters into a fresh table of the real engine and audits what is read back. */
async function auditOf(
  counters: Record<string, number>,
  dead: readonly DeadLetter[] = [],
  leftInQueue = 0,
  poison = new Set<string>(),
): Promise<ActivityAudit> {
  const journal = each(entries);
  return auditActivity({
    journal,
    counters: await readCounters(dynamo, await tableOf(counters)),
    dead,
    poison,
    leftInQueue,
  });
}

test('a correct run is exactly-once, summed over the shards', async () => {
  expect(await auditOf(right)).toEqual({
    ...{
      verdict: 'exactly-once',
      sent: 5,
      effects: 5,
      lost: 0,
      doubled: 0,
      dead: 0,
      parked: 0,
      findings: [],
    },
  });
});

test('finds events that were not counted', async () => {
  const found = await auditOf({ ...right, 'view#1997-01-01T00#15': 0 });
  expect(found).toMatchObject({ verdict: 'violated', effects: 3, lost: 2, doubled: 0 });
  expect(found.findings).toEqual(['1 hour counted too few events, 2 in all: lost (view#1997-01-01T00)']);
});

test('finds events counted twice, and in an hour where there were none', async () => {
  const found = await auditOf({ ...right, 'buy#1997-01-01T01#4': 1, 'search#1997-01-01T01#4': 1 });
  expect(found).toMatchObject({ verdict: 'violated', effects: 5, lost: 0, doubled: 2 });
});

test('a loss and a double in different hours do not hide each other', async () => {
  const found = await auditOf({ ...right, 'buy#1997-01-01T01#3': 3, 'view#1997-01-01T00#0': 0 });
  expect(found).toMatchObject({ verdict: 'violated', effects: 4, lost: 1, doubled: 1 });
});

test('poison with a reason is not lost; a dead letter without, or of no event that was sent, or of no poison, is a finding', async () => {
  const without = { ...right, 'buy#1997-01-01T01#3': 1 };
  const reason = 'no';
  expect(await auditOf(without, [{ id: 'e', reason }], 0, new Set('e'))).toMatchObject({
    ...{ verdict: 'exactly-once', effects: 4, lost: 0, dead: 1 },
  });
  expect((await auditOf(without, [{ id: 'e', reason }])).findings).toEqual([
    '1 message in the dead-letter queue, and nothing was sent to end there (e)',
  ]);
  expect(await auditOf(without, [{ id: 'e' }])).toMatchObject({ verdict: 'violated', lost: 1, dead: 0 });
  expect((await auditOf(right, [{ id: 'z', reason }])).findings).toEqual([expect.stringContaining('(z)')]);
});

test('finds messages left in the queue, and refuses rows it cannot count', async () => {
  expect((await auditOf(right, [], 3)).findings).toEqual(['3 messages are still in the queue']);
  await expect(auditOf({ 'view#1997-01-01T00': 1 })).rejects.toMatchObject({ attribute: 'counter' });
  await expect(auditOf({ ...right, 'buy#1997-01-01T01#3': 1.5 })).rejects.toMatchObject({
    attribute: 'events',
  });
});

test('a run in which nothing was counted has shown nothing, and a depth that is no number is not empty', async () => {
  const nothing = await auditActivity({
    ...{ journal: each([]), counters: new Map(), dead: [], leftInQueue: Number.NaN },
  });
  expect(nothing.verdict).toBe('violated');
  expect(nothing.findings).toEqual([
    '0 were sent: there is nothing to audit',
    '0 have acted: an audit that saw nothing has failed',
    'NaN messages are still in the queue',
  ]);
});

test('the same purchases and seed make the same events: two each, of all kinds, a hundred an hour', async () => {
  const events = await collect(activityEvents(readPurchases(200), 1));
  expect(await collect(activityEvents(readPurchases(200), 1))).toEqual(events);
  expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(400);
  expect([...new Set(events.map(({ kind }) => kind))].sort()).toEqual(['buy', 'search', 'view']);
  const hours = Object.values(Object.groupBy(events, ({ at }) => at.slice(0, 13)));
  expect(hours.map((hour) => hour?.length)).toEqual([100, 100, 100, 100]);
});

test('every event is on the queue and in the journal, a seeded share twice, customers as groups', async () => {
  const queueUrl = await standardQueue();
  const folder = temporaryFolder();
  const journal = await lineFile<{ eventId: string; counter: string }>(folder.path, 'activity.jsonl');
  const events = await collect(activityEvents(readPurchases(100), 1));
  const sent = await sendActivity({
    ...{ sqs, queueUrl, journal, seed: 3 },
    events: each(events),
    duplicates: 0.2,
  });
  await journal.close();
  expect(await collect(journal.read())).toEqual(
    events.map((event) => ({ eventId: event.eventId, counter: counterOf(event) })),
  );
  folder.remove();

  const received = await receiveAll(queueUrl);
  expect(sent).toMatchObject({ sent: 200, retries: 0 });
  expect(sent.duplicates).toBeGreaterThan(10);
  expect(received).toHaveLength(200 + sent.duplicates);
  const once = new Map(received.map(({ event }) => [event.eventId, event]));
  expect([...once.values()].toSorted(byAt)).toEqual(events.toSorted(byAt));
  for (const { event, group } of received) expect(group).toBe(event.customer);
});

test('a sender waits while the backlog is too long', async () => {
  const queueUrl = await standardQueue();
  const [event] = await collect(activityEvents(readPurchases(1), 1));
  const journal = { append: () => Promise.resolve() };
  await sendActivity({
    ...{ sqs, queueUrl, journal, seed: 3 },
    events: each([event!, event!]),
    duplicates: 0,
  });
  let through = false;
  const waiting = backlogGate(sqs, queueUrl, new AbortController().signal, 1)().then(() => (through = true));
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(through).toBe(false);
  await receiveAll(queueUrl, true);
  await waiting;
  expect(through).toBe(true);
});

function byAt(a: ActivityEvent, b: ActivityEvent): number {
  return a.at.localeCompare(b.at);
}

async function tableOf(counters: Record<string, number>): Promise<string> {
  const TableName = `activity-${randomUUID()}`;
  await dynamo.send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST' },
      AttributeDefinitions: [{ AttributeName: 'counter', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'counter', KeyType: 'HASH' }],
    }),
  );
  for (const [counter, events] of Object.entries(counters))
    await dynamo.send(
      new PutItemCommand({ TableName, Item: { counter: { S: counter }, events: { N: String(events) } } }),
    );
  return TableName;
}

async function standardQueue(): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `activity-${randomUUID()}` }));
  return QueueUrl;
}

async function receiveAll(QueueUrl: string, remove = false) {
  const received: { event: ActivityEvent; group: string | undefined }[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        ...{ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 },
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return received;
    for (const { Body = '', Attributes, ReceiptHandle } of Messages) {
      received.push({ event: JSON.parse(Body) as ActivityEvent, group: Attributes?.MessageGroupId });
      if (remove) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}
