import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { deliverTwice } from '../../runtime/testing/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { record, sqs as newSqs } from '../fixtures/queue.js';
import { newQueue } from '../jobs/job-bench.js';

const client = dynamo();
const sqs = newSqs();
/** What the provider sent, and what it does with the next request. */
const mails: { paymentId: string; cents: number }[] = [];
const known = new Set<string>();
let next: ('reset' | 422)[] = [];
const provider = createServer((request, response) => {
  void (async () => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const how = next.shift();
    if (how === 422) return response.writeHead(422).end();
    const key = String(request.headers['idempotency-key']);
    if (!known.has(key)) mails.push(JSON.parse(text) as (typeof mails)[number]);
    known.add(key);
    if (how === 'reset') return request.socket.resetAndDestroy();
    return response.end(JSON.stringify({ mailId: `mail-${key}` }));
  })();
});
let table: Table;
let handler: SqsConsumer;

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const [dedup, mailsTable, queueUrl, deadLetterQueueUrl] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'paymentId'),
    newQueue(sqs),
    newQueue(sqs),
  ]);
  table = mailsTable;
  const { endpoint, region, credentials } = embedded().client;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    EXACTLY_ONCE_CONSUMER_NAME: 'receipts',
    EXACTLY_ONCE_DEDUP_TABLE: dedup.name,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600',
    EXACTLY_ONCE_QUEUE_URL: queueUrl,
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
    MAILS_TABLE: mailsTable.name,
    MAIL_PROVIDER_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
  });
  ({ handler } = await import('../../lambdas/lease/receipt-mail.js'));
});
afterAll(async () => {
  client.destroy();
  sqs.destroy();
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
});

/** The event as the outbox publishes it. */
function settled(data: { paymentId: string; customer: string; cents: number }) {
  const time = '2026-01-01T00:00:00.000Z';
  return {
    specversion: '1.0',
    id: `1/customer/${data.customer}/1`,
    source: 'payments',
    type: 'PaymentSettled',
    subject: data.customer,
    time,
    datacontenttype: 'application/json',
    epoch: '1',
    kind: 'customer',
    aggregate: data.customer,
    version: '1',
    firstenqueue: time,
    data,
  };
}

test.each<[string, ('reset' | 422)[]]>([
  ['answers', []],
  ['sends the mail and resets the connection', ['reset']],
  ['refuses at first', [422]],
])('a settled payment that comes twice gets one mail from a provider that %s', async (_, how) => {
  next = how;
  const paymentId = randomUUID();
  await deliverTwice(handler, [record({ body: settled({ paymentId, customer: 'ada', cents: 5 }) })]);
  expect(mails.filter((mail) => mail.paymentId === paymentId)).toEqual([
    { paymentId, customer: 'ada', cents: 5 },
  ]);
  expect(await row(client, table, { paymentId })).toMatchObject({ sent: 1 });
});
