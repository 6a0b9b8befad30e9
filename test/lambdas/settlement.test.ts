import { randomUUID } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Table } from '../../runtime/dynamodb/index.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import { deliver } from '../../runtime/testing/index.js';
import { json, limits, request } from '../api/payments.js';
import { referenceApi } from '../api/reference.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { record, sqs as newSqs } from '../fixtures/queue.js';
import { newQueue } from '../jobs/job-bench.js';

const client = dynamo();
const sqs = newSqs();
let tables: Record<'dedup' | 'accepted' | 'accounts' | 'payments' | 'shop' | 'outbox', Table>;
let settle: SqsConsumer;

beforeAll(async () => {
  const [dedup, accepted, accounts, payments, shop, outbox, deadLetterQueueUrl] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'paymentId'),
    newTable(client, 'customer'),
    newTable(client, 'paymentId'),
    newTable(client, 'shard'),
    newTable(client, 'stream', 'version'),
    newQueue(sqs),
  ]);
  tables = { dedup, accepted, accounts, payments, shop, outbox };
  const { endpoint, region, credentials } = embedded().client;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
    EXACTLY_ONCE_DEDUP_TABLE: dedup.name,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
    ACCOUNTS_TABLE: accounts.name,
    PAYMENTS_TABLE: payments.name,
    SHOP_TABLE: shop.name,
    OUTBOX_TABLE: outbox.name,
    OUTBOX_EPOCH: '1',
  });
  ({ handler: settle } = await import('../../lambdas/consumer/settlement.js'));
});
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

const terms = { purchasedOn: '1997-01-01', cds: 1, cents: 100 };
const accept = async (key: string, customer: string) =>
  referenceApi(
    { receipts: tables.dedup.name, accepted: tables.accepted.name, outbox: tables.outbox.name },
    client,
  )(request({ key, body: { customer, ...terms } }), limits());
const settled = async (customer: string) => {
  const time = '2026-01-01T00:00:00.000Z';
  const paymentId = randomUUID();
  return deliver(settle, [
    record({
      body: {
        ...{
          specversion: '1.0',
          id: `1/payment/${paymentId}/1`,
          source: 'payments',
          type: 'PaymentAccepted',
        },
        ...{ subject: paymentId, time, datacontenttype: 'application/json', epoch: '1', kind: 'payment' },
        ...{
          aggregate: paymentId,
          version: '1',
          firstenqueue: time,
          data: { paymentId, customer, ...terms },
        },
      },
    }),
  ]);
};
const streamsOf = async (name: string) => {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tables.outbox.name }));
  return Items.filter(({ stream }) => stream?.S?.endsWith(`,"${name}"]`))
    .map(({ stream, version }) => `${(JSON.parse(stream?.S ?? '[]') as string[])[2]} ${Number(version?.S)}`)
    .sort();
};

test('R57: an Idempotency-Key that is a customer’s id stops none of the customer’s settlements', async () => {
  const victim = `victim-${randomUUID()}`;
  expect((await accept(victim, 'attacker')).status).toBe(202);
  for (let i = 0; i < 3; i += 1) await settled(victim);
  expect(await row(client, tables.accounts, { customer: victim })).toEqual({
    customer: victim,
    balance: -300,
    payments: 3,
  });
  expect(await streamsOf(victim)).toEqual(['customer 1', 'customer 2', 'customer 3', 'payment 1']);
});

test('R57: and a customer who has settled takes no Idempotency-Key from anybody', async () => {
  const customer = `settled-${randomUUID()}`;
  await settled(customer);
  const answer = await accept(customer, 'somebody');
  expect([answer.status, json(answer)]).toMatchObject([202, { paymentId: customer }]);
  expect(await streamsOf(customer)).toEqual(['customer 1', 'payment 1']);
});
