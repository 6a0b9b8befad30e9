import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { snsEnvelope, sqsAggregateConsumer, type BatchSummary } from '../../../runtime/sqs/index.js';
import { RejectMessage } from '../../../runtime/dynamodb/index.js';
import { newDedupTable, newTable, rawRow } from '../../fixtures/dynamo.js';
import { drain, record } from '../../fixtures/queue.js';
import { newQueue } from '../../outbox/outbox-world.js';
import { client, queue } from './decoding-world.js';

afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Paid = z.object({
  purse: z.string(),
  version: z.string(),
  wei: z.bigint(),
  x: z.optional(z.unknown()),
});

/** An event in the envelope of SNS. `wei` is text, because a number in JavaScript would be rounded. */
const paid = (version: number, wei: string, x = '0'): SQSRecord =>
  record({
    body: {
      ...{
        Type: 'Notification',
        TopicArn: 't',
        MessageId: `m-${Math.random()}`,
        Timestamp: String(Date.now()),
      },
      Message: `{"purse":"p","version":"${version}","wei":${wei},"x":${x}}`,
      MessageAttributes: { tenant: { Type: 'String', Value: 'acme' } },
    },
  });

async function world() {
  const [purses, receipts, deadLetterQueueUrl] = await Promise.all([
    newTable(client, 'name'),
    newDedupTable(client),
    newQueue(queue, false),
  ]);
  const state = { refuse: '', summaries: [] as BatchSummary[] };
  const handler = sqsAggregateConsumer<typeof Paid, { wei: bigint; tenants: string }>({
    settings: {
      ...{
        consumerName: 'purse',
        dedupTable: receipts.name,
        receiptRetentionSeconds: 3600,
        deadLetterQueueUrl,
      },
      onFailure: 'skip',
    },
    schema: Paid,
    decode: snsEnvelope(),
    table: purses,
    aggregate: ({ body }) => ({ name: body.purse }),
    version: ({ body }) => ({ source: 's', version: body.version }),
    reduce: (sum, { body, attributes }) => {
      if (body.version === state.refuse) throw new RejectMessage('not this one');
      return {
        wei: BigInt(sum?.wei ?? 0) + body.wei,
        tenants: `${sum?.tenants ?? ''}${attributes.tenant} `,
      };
    },
    ...{ dynamodb: client, sqs: queue, observe: (summary) => state.summaries.push(summary) },
  });
  const run = async (...records: SQSRecord[]) =>
    (await handler({ Records: records }, { getRemainingTimeInMillis: () => 30_000 })).batchItemFailures;
  const sum = async () => {
    const { wei, tenants } = (await rawRow(client, purses, { name: 'p' })) ?? {};
    return [wei?.N, tenants?.S];
  };
  return { state, run, sum, letters: () => drain(queue, deadLetterQueueUrl) };
}

test('an event that was parked acts with all its digits and the attributes of its envelope', async () => {
  const { run, sum, state } = await world();
  const deep = `${'['.repeat(499)}${']'.repeat(499)}`;
  expect(await run(paid(2, '9007199254740993', deep), paid(3, '18849496460467696128'))).toEqual([]);
  expect(await run(paid(2, '9007199254740993', deep))).toEqual([]);
  expect(await run(paid(1, '9007199254740995'))).toEqual([]);
  expect(await sum()).toEqual([
    String(9007199254740993n + 18849496460467696128n + 9007199254740995n),
    'acme acme acme ',
  ]);
  expect(state.summaries.map(({ parked, duplicate, rejected }) => [parked, duplicate, rejected])).toEqual([
    [2, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
  ]);
});

test('two payloads that differ in the last digit under one parked version: the second is rejected', async () => {
  const { run, letters } = await world();
  await run(paid(2, '9007199254740993'));
  await run(paid(2, '9007199254740995'));
  expect(await letters()).toHaveLength(1);
});

test('the dead letter of an event that was parked holds what was meant, and acts when it is sent again', async () => {
  const { run, sum, state, letters } = await world();
  await run(paid(2, '9007199254740993'));
  state.refuse = '2';
  const carrier = paid(1, '9007199254740995');
  // Its parked successor fails: the carrier stays until there is a dead letter.
  for (let i = 0; i < 3 && (await run(carrier)).length > 0; i += 1);
  const [letter] = await letters();
  expect(letter?.Body).toBe('{"purse":"p","version":"2","wei":9007199254740993,"x":0}');
  state.refuse = '';
  const messageAttributes = Object.fromEntries(
    Object.entries(letter?.MessageAttributes ?? {}).map(([name, { StringValue: stringValue }]) => [
      name,
      { dataType: 'String' as const, stringValue },
    ]),
  );
  expect(await run(record({ body: letter?.Body, messageAttributes }))).toEqual([]);
  expect(await sum()).toEqual([String(9007199254740993n + 9007199254740995n), 'acme acme ']);
});
