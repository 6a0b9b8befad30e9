import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { DynamoStore, type Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, rawRow, row } from '../fixtures/dynamo.js';
import { limits, unit } from '../fixtures/units.js';

const client = dynamo();
let receipts: Table;
let counters: Table;

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
});
afterAll(() => client.destroy());

const increment = (name: string) =>
  new UpdateItemCommand({
    TableName: counters.name,
    Key: { name: { S: name } },
    UpdateExpression: 'ADD #v :one',
    ExpressionAttributeNames: { '#v': 'value' },
    ExpressionAttributeValues: { ':one': { N: '1' } },
  });

test('one dedup table serves Powertools and this library side by side, each honouring its own rows', async () => {
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName: receipts.name, awsSdkV3Client: client });
  const config = new IdempotencyConfig({ eventKeyJmesPath: 'id', throwOnNoIdempotencyKey: true });
  config.registerLambdaContext({ getRemainingTimeInMillis: () => 5_000 } as Context);
  const effect = makeIdempotent(
    async ({ id }: { id: string }) => {
      await client.send(increment(id));
      return { done: id };
    },
    {
      persistenceStore,
      config,
      keyPrefix: 'orders',
    },
  );
  expect(await effect({ id: 'p' })).toEqual({ done: 'p' });
  expect(await effect({ id: 'p' })).toEqual({ done: 'p' });

  const store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
  const message = () =>
    unit('x', (tx) => tx.update(counters, { name: 'x' }, { add: { value: 1 } }), { consumer: 'orders' });
  const outcomes = [];
  for (const one of [message(), message()])
    outcomes.push((await store.commit([one], limits())).get(one)?.kind);
  expect(outcomes).toEqual(['processed', 'duplicate']);

  expect((await row(client, counters, { name: 'p' }))?.value).toBe(1);
  expect((await row(client, counters, { name: 'x' }))?.value).toBe(1);
  // The attributes on which both agree: DynamoDB's TTL needs one name for all rows of the table.
  expect(await rawRow(client, receipts, { id: 'orders#x' })).toMatchObject({
    status: { S: 'COMPLETED' },
    expiration: { N: expect.any(String) },
  });
});
