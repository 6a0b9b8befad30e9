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
import { run } from '../cli/command.js';
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
  await world.publish(['ann', 'ann']);
  expect(await relayAndRead()).toBe('1 2 3 4 5');
});

test('with a new epoch, every event after a restore acts once and in order', async () => {
  await restored();
  await expect(
    beginEpoch({ client: world.client, outbox: world.table, aggregates: [world.accounts], epoch: '2' }),
  ).resolves.toBe(1);
  const after = world.inEpoch('2');
  await after.publish(['ann', 'ann']);
  expect(await relayAndRead()).toBe('1 2 3 4 5 1 2');
  expect(await row(world.client, world.accounts, { name: 'ann' })).toMatchObject({ version: 2, moves: 5 });
  after.close();
});

test('an epoch that has events is not begun again: nothing is changed', async () => {
  await world.publish(['ann']);
  await expect(
    beginEpoch({ client: world.client, outbox: world.table, aggregates: [world.accounts], epoch: '1' }),
  ).rejects.toThrow(EpochBegun);
  expect(await row(world.client, world.accounts, { name: 'ann' })).toMatchObject({ version: 1 });
});

test('the command line does it, and may be run again', async () => {
  await restored();
  const command = [
    'restore',
    '--new-epoch',
    '2',
    '--outbox',
    world.table,
    '--aggregates',
    world.accounts.name,
  ];
  const first = await run(...command, '--json');
  expect({ status: first.status, said: JSON.parse(first.stdout) as unknown }).toEqual({
    status: 0,
    said: { epoch: '2', begunAnew: 1 },
  });
  expect(JSON.parse((await run(...command, '--json')).stdout)).toEqual({ epoch: '2', begunAnew: 0 });
  const refused = await run(
    'restore',
    '--new-epoch',
    '1',
    '--outbox',
    world.table,
    '--aggregates',
    world.accounts.name,
  );
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain('choose an epoch that was never used');
});
