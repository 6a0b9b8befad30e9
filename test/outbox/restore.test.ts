import {
  DeleteItemCommand,
  PutItemCommand,
  ScanCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { Table } from '../../runtime/dynamodb/index.js';
import { beginEpoch, EpochBegun, outboxRelay, queueTarget } from '../../runtime/outbox/index.js';
import { newTable, row } from '../fixtures/dynamo.js';
import { inTime, newQueue, OutboxWorld } from './outbox-world.js';
import { Reader } from './readers.js';

type Items = Record<string, AttributeValue>[];

async function itemsOf(client: DynamoDBClient, { name }: Table): Promise<Items> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: name, ConsistentRead: true }));
  return Items;
}

/** Puts a table back to what it was. */
async function putBack(client: DynamoDBClient, table: Table, items: Items): Promise<void> {
  const { name: TableName, partitionKey, sortKey } = table;
  const names = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  for (const item of await itemsOf(client, table)) {
    const Key = Object.fromEntries(names.map((name) => [name, item[name]!]));
    await client.send(new DeleteItemCommand({ TableName, Key }));
  }
  for (const Item of items) await client.send(new PutItemCommand({ TableName, Item }));
}

let world: OutboxWorld;
let reader: Reader;
let read: () => Promise<DynamoDBRecord[]>;
let queueUrl: string;
let outboxTable: Table;

beforeEach(async () => {
  world = await OutboxWorld.open();
  read = await world.reader();
  queueUrl = await newQueue(world.queues, true);
  const kept = await newTable(world.client, 'account');
  reader = new Reader(world, queueUrl, kept, await newQueue(world.queues, false));
  outboxTable = { name: world.table, partitionKey: 'stream', sortKey: 'version' };
});
afterEach(() => world.close());

/** Everything that is new goes to the queue, and what is there is read. */
async function relayAndRead(): Promise<string> {
  const relay = outboxRelay({
    ...{ table: world.table, retentionSeconds: 3600, graceSeconds: 60, dynamodb: world.client },
    targets: [queueTarget({ queueUrl, client: world.queues })],
    observe: () => undefined,
  });
  await relay({ Records: await read() }, inTime);
  while (await reader.turn(() => 0.5));
  return reader.versions('ann');
}

/** Three events are published before the backup, and two after it; then the producer's tables are put back. */
async function restored(): Promise<void> {
  await world.publish(['ann', 'ann', 'ann']);
  await relayAndRead();
  const [accounts, events] = [
    await itemsOf(world.client, world.accounts),
    await itemsOf(world.client, outboxTable),
  ];
  await world.publish(['ann', 'ann']);
  expect(await relayAndRead()).toBe('1 2 3 4 5');
  await putBack(world.client, world.accounts, accounts);
  await putBack(world.client, outboxTable, events);
  // What the copying itself put into the stream is no news.
  await read();
}

test('without a new epoch, events after a restore are taken for copies of those before it, and are lost', async () => {
  await restored();
  const again = world.inEpoch('1');
  await again.publish(['ann', 'ann']);
  expect(await relayAndRead()).toBe('1 2 3 4 5');
  again.close();
});

const begin = (epoch: string, rest: object = {}) =>
  beginEpoch({ client: world.client, outbox: world.table, epoch, ...rest });

test('with a new epoch, every event after a restore acts once and in order, and nothing of the user’s is touched', async () => {
  await restored();
  await expect(begin('2')).resolves.toEqual({
    epoch: '2',
    sources: [{ source: 'bank', ended: ['1'], streams: 1, fenced: 1 }],
  });
  expect(await row(world.client, world.accounts, { name: 'ann' })).toEqual({ name: 'ann', moves: 3 });
  const after = world.inEpoch('2');
  await after.publish(['ann', 'ann']);
  expect(await relayAndRead()).toBe('1 2 3 4 5 1 2');
  after.close();
});

test('a publisher of an ended epoch fails loudly, warm or cold, of known aggregates and new ones; its neighbours act', async () => {
  await world.publish(['ann']);
  await begin('2');
  const [cold, next] = [world.inEpoch('1'), world.inEpoch('2')];
  expect(await world.outcomes(['ann', 'zoe'])).toMatchObject([
    { kind: 'retry', error: { name: 'EpochEnded', epoch: '1', current: '2', fault: 'dependency' } },
    { kind: 'retry', error: { name: 'EpochEnded' } },
  ]);
  expect(await cold.outcomes(['ann', 'yun'])).toMatchObject([
    { kind: 'retry', error: { name: 'EpochEnded' } },
    { kind: 'retry', error: { name: 'EpochEnded' } },
  ]);
  expect(await next.publish(['ann', 'zoe'])).toEqual(['processed', 'processed']);
  const pack = await cold.pack(['ann', undefined]);
  expect(pack.map((outcome) => outcome?.kind)).toEqual(['retry', 'processed']);
  for (const one of [cold, next]) one.close();
});

test('it may be run dry, again, and after publishers have begun; what was published meanwhile is closed by the second run', async () => {
  await world.publish(['ann', 'bob']);
  const dry = await begin('2', { dryRun: true });
  expect(dry.sources).toEqual([{ source: 'bank', ended: ['1'], streams: 2, fenced: 2 }]);
  expect(await world.publish(['ann'])).toEqual(['processed']);
  await begin('2');
  // As if its first event had been under way.
  const stream = JSON.stringify(['bank', '1', world.accounts.name, 'cem']);
  const late = { stream: { S: stream }, version: { S: '1'.padStart(40, '0') }, data: { S: '{}' } };
  await world.client.send(new PutItemCommand({ TableName: world.table, Item: late }));
  const after = world.inEpoch('2');
  await after.publish(['ann']);
  const figures = async () => (await begin('2')).sources.map(({ streams, fenced }) => [streams, fenced]);
  expect(await figures()).toEqual([[3, 1]]);
  expect(await figures()).toEqual([[3, 0]]);
  expect(await after.publish(['ann', 'cem'])).toEqual(['processed', 'processed']);
  after.close();
});

test('sources without rows are begun where they are named, and said to have none', async () => {
  await world.publish(['ann']);
  const { sources } = await begin('2', { sources: ['shop'] });
  expect(sources).toEqual([
    { source: 'shop', ended: [], streams: 0, fenced: 0 },
    { source: 'bank', ended: ['1'], streams: 1, fenced: 1 },
  ]);
});

test('an epoch that has events, or has ended, is not begun again: nothing is changed', async () => {
  await world.publish(['ann']);
  await expect(begin('1')).rejects.toThrow(EpochBegun);
  expect(await world.publish(['ann', 'bob'])).toEqual(['processed', 'processed']);
  await begin('2');
  await expect(begin('1')).rejects.toThrow(EpochBegun);
  expect(await world.inEpoch('2').publish(['ann'])).toEqual(['processed']);
});

test('the counts of the first release are not gone on with in an epoch that was begun', async () => {
  const put = { TableName: world.accounts.name, Item: { name: { S: 'ann' }, version: { N: '7' } } };
  await world.client.send(new PutItemCommand(put));
  await begin('2', { sources: ['bank'] });
  const after = world.inEpoch('2', { adoptVersions: true });
  await after.publish(['ann']);
  expect((await after.rows()).map(({ version }) => version)).toEqual(['1'.padStart(40, '0'), 'current']);
  after.close();
});
