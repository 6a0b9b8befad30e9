import { randomUUID } from 'node:crypto';
import { QueryCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { table } from '../../runtime/dynamodb/index.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { json, limits, request } from './payments.js';
import { referenceApi, type ReferenceNames } from './reference.js';

const client = dynamo();
let names: ReferenceNames;
beforeAll(async () => {
  const [receipts, accepted, outbox] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'paymentId'),
    newTable(client, 'stream', 'version'),
  ]);
  names = { receipts: receipts.name, accepted: accepted.name, outbox: outbox.name };
});
afterAll(() => client.destroy());

const body = { customer: 'c1', purchasedOn: '1997-01-01', cds: 1, cents: 1177 };
const eventsOf = async (paymentId: string) => {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: names.outbox,
      KeyConditionExpression: '#stream = :stream',
      ExpressionAttributeNames: { '#stream': 'stream' },
      ExpressionAttributeValues: {
        ':stream': { S: JSON.stringify(['payments', '1', 'payment', paymentId]) },
      },
    }),
  );
  return Items.map((item) => JSON.parse(relayed(readRow(item)).event) as unknown);
};

test('20 at once with one key: one payment, one event with its data, one answer', async () => {
  const key = randomUUID();
  const api = referenceApi(names, client);
  const answers = await Promise.all(Array.from({ length: 20 }, () => api(request({ key, body }), limits())));
  expect(new Set(answers.map((answer) => `${answer.status} ${answer.body.toString()}`))).toEqual(
    new Set([`202 {"paymentId":"${key}","status":"accepted"}`]),
  );
  expect(await eventsOf(key)).toEqual([
    expect.objectContaining({ type: 'PaymentAccepted', version: '1', data: { paymentId: key, ...body } }),
  ]);
  const accepted = table({ name: names.accepted, partitionKey: 'paymentId' });
  expect(await row(client, accepted, { paymentId: key })).toMatchObject(body);
});

test('a payment id that another caller has taken is refused: no second event, and the first one’s answer stays', async () => {
  const key = randomUUID();
  const api = referenceApi(names, client);
  await api(request({ key, body }), limits());
  const other = await api(request({ key, body: { ...body, cents: 1 }, caller: 'bob' }), limits());
  expect(other.status).toBe(403);
  expect(json(other)).toMatchObject({ type: 'urn:payments:id-taken' });
  expect(await eventsOf(key)).toHaveLength(1);
  expect((await api(request({ key, body }), limits())).status).toBe(202);
});

test('where the commit fails there is neither a payment nor an event', async () => {
  const count = async (TableName: string) =>
    (await client.send(new ScanCommand({ TableName, Select: 'COUNT' }))).Count;
  const before = await Promise.all([count(names.accepted), count(names.outbox), count(names.receipts)]);
  const broken = referenceApi({ ...names, outbox: 'no-such-table' }, client);
  expect((await broken(request({ body }), limits())).status).toBe(503);
  expect(await Promise.all([count(names.accepted), count(names.outbox), count(names.receipts)])).toEqual(
    before,
  );
});
