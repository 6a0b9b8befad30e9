import { randomUUID } from 'node:crypto';
import { ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { apiConditions } from '../../runtime/dynamodb/conditions.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { day, limits, paymentsApi, request, type Names } from './payments.js';

const client = dynamo();
afterAll(() => client.destroy());

interface Once {
  readonly names: Names;
  readonly shape: {
    readonly key: string;
    readonly body: { readonly account: string; readonly cents: number };
  };
}

async function processed(): Promise<Once> {
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  const names = { receipts: receipts.name, accounts: accounts.name };
  const shape = { key: randomUUID(), body: { account: randomUUID(), cents: 5 } };
  expect((await paymentsApi(names, client)(request(shape), limits())).status).toBe(201);
  return { names, shape };
}

const again = async ({ names, shape }: Once) => paymentsApi(names, client)(request(shape), limits());
const payments = async ({ names, shape: { body } }: Once) =>
  (await row(client, table({ name: names.accounts, partitionKey: 'account' }), { account: body.account }))
    ?.payments;

/** Seconds from now to the end of the only receipt's window. */
async function left({ names }: Once): Promise<number> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: names.receipts }));
  expect(Items).toHaveLength(1);
  return Number(Items[0]?.expiration?.N) - Date.now() / 1000;
}

/** Moves the end of the window, as time would. */
async function endsIn(once: Once, seconds: number): Promise<void> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: once.names.receipts }));
  await client.send(
    new UpdateItemCommand({
      TableName: once.names.receipts,
      Key: { id: Items[0]?.id ?? { S: '' } },
      UpdateExpression: 'SET expiration = :then',
      ExpressionAttributeValues: { ':then': { N: String(Math.floor(Date.now() / 1000) + seconds) } },
    }),
  );
}

test('within the window a key suppresses to its last minute, and a replay does not lengthen it', async () => {
  const once = await processed();
  expect(await left(once)).toBeGreaterThan(day - 60);
  await endsIn(once, 60);
  expect((await again(once)).headers).toHaveProperty('idempotent-replayed');
  expect(await left(once)).toBeLessThanOrEqual(60);
  expect(await payments(once)).toBe(1);
});

test('after the window it is a new key, though DynamoDB has not deleted the row: once, for another window', async () => {
  const once = await processed();
  await endsIn(once, -2);
  const renewed = await Promise.all(Array.from({ length: 20 }, () => again(once)));
  expect(new Set(renewed.map(({ body }) => body)).size).toBe(1);
  expect(renewed.filter(({ headers }) => 'idempotent-replayed' in headers)).toHaveLength(19);
  expect(await payments(once)).toBe(2);
  expect(await left(once)).toBeGreaterThan(day - 60);
});

test('after the window another payload may use the key', async () => {
  const once = await processed();
  await endsIn(once, -2);
  const other = { ...once.shape, body: { ...once.shape.body, cents: 6 } };
  expect((await paymentsApi(once.names, client)(request(other), limits())).status).toBe(201);
});

test('who throws in the new window is not answered from the old one', async () => {
  const once = await processed();
  await endsIn(once, -2);
  const throwing = paymentsApi(once.names, client, {
    handle: () => {
      throw new Error('no');
    },
  });
  expect((await throwing(request(once.shape), limits())).status).toBe(500);
});

test('mutant: were the condition of keys always true, a key would act twice', async () => {
  const original = apiConditions.receiptAbsentOrExpired;
  apiConditions.receiptAbsentOrExpired = `(${original}) OR NOT (${original})`;
  try {
    const once = await processed();
    await again(once);
    expect(await payments(once)).toBe(2);
  } finally {
    apiConditions.receiptAbsentOrExpired = original;
  }
});
