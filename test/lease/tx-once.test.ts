import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { sqsConsumer, type BatchSummary, type SqsConsumer } from '../../runtime/sqs/index.js';
import { table as tableOf, type Table } from '../../runtime/dynamodb/index.js';
import { EffectNotStarted, leases, type Effect } from '../../runtime/lease/index.js';
import { deliver, deliverTwice } from '../../runtime/testing/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, record, sqs as newSqs } from '../fixtures/queue.js';
import { newQueue } from '../jobs/job-bench.js';
import { startProvider, type Provider } from './provider.js';

const client = dynamo();
const sqs = newSqs();
let dedup: Table;
let mails: Table;
let provider: Provider;
let deadLetterQueueUrl: string;
let queueUrl: string;
let summaries: BatchSummary[];

beforeAll(async () => {
  [dedup, mails, provider, deadLetterQueueUrl, queueUrl] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'order'),
    startProvider('nothing'),
    newQueue(sqs),
    newQueue(sqs),
  ]);
});
afterAll(async () => {
  client.destroy();
  sqs.destroy();
  await provider.close();
});
beforeEach(() => {
  summaries = [];
});

/** Sends a mail through a provider that knows no keys, and stores its receipt. */
function consumer(
  given: { more?: Partial<Effect<string, string>>; after?: () => void; without?: boolean } = {},
): SqsConsumer {
  const { more, after, without = false } = given;
  return sqsConsumer({
    settings: {
      consumerName: 'mailer',
      dedupTable: dedup.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
      queueUrl,
    },
    schema: z.object({ order: z.string(), note: z.optional(z.string()) }),
    key: ({ body }) => body.order,
    leases: without ? undefined : leases({ maxClockSkewSeconds: 0.2, observe: () => undefined }),
    handle: async ({ body: { order } }, tx) => {
      const receipt = await tx.once('mail', {
        args: order,
        leaseSeconds: 2,
        onUnknown: 'block',
        run: async (to) => {
          const answer = await fetch(`${provider.url}/acts/${to}`, { method: 'POST' });
          return ((await answer.json()) as { receipt: string }).receipt;
        },
        ...more,
      });
      after?.();
      tx.update(
        tableOf({ name: mails.name, partitionKey: 'order' }),
        { order },
        { set: { receipt }, add: { times: 1 } },
      );
    },
    dynamodb: client,
    sqs,
    observe: (summary) => summaries.push(summary),
  });
}
const sent = (order: string) => provider.acts.filter((act) => act === order).length;

test('a handler that fails after the effect: the effect is made once, and its outcome is committed', async () => {
  const order = randomUUID();
  let failures = 1;
  const after = () => {
    if (failures-- > 0) throw new Error('after the mail');
  };
  await deliverTwice(consumer({ after }), [record({ body: { order } })]);
  expect(sent(order)).toBe(1);
  expect(await row(client, mails, { order })).toEqual({ order, receipt: `receipt of ${order}`, times: 1 });
});

test('another payload under the key does not take over the effect of the first, which failed before its commit', async () => {
  const order = randomUUID();
  const context = { getRemainingTimeInMillis: () => 30_000 };
  const failing = consumer({
    after: () => {
      throw new Error('after the mail');
    },
  });
  const first = record({ body: { order } });
  await failing({ Records: [first] }, context);
  expect(sent(order)).toBe(1);
  await consumer()({ Records: [record({ body: { order, note: 'another' } })] }, context);
  expect(summaries.at(-1)).toMatchObject({ processed: 0, rejected: 1 });
  expect(summaries.at(-1)?.problems[0]?.error).toMatchObject({ name: 'KeyReused' });
  expect(await drain(sqs, deadLetterQueueUrl)).toHaveLength(1);
  expect(await row(client, mails, { order })).toBeUndefined();
  await deliver(consumer(), [first]);
  expect(sent(order)).toBe(1);
  expect(await row(client, mails, { order })).toMatchObject({ times: 1 });
});

test('an effect that was not made is nobody’s: another payload under the key may make it', async () => {
  const order = randomUUID();
  const refused = () => Promise.reject(new EffectNotStarted('the provider refused'));
  const context = { getRemainingTimeInMillis: () => 30_000 };
  await consumer({ more: { run: refused } })({ Records: [record({ body: { order } })] }, context);
  await deliver(consumer(), [record({ body: { order, note: 'corrected' } })]);
  expect(sent(order)).toBe(1);
  expect(await row(client, mails, { order })).toMatchObject({ times: 1 });
});

test('a copy that comes while the first waits for its lease, which is no failure', async () => {
  const order = randomUUID();
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const slow = consumer({
    more: {
      run: async (to) => {
        await fetch(`${provider.url}/acts/${to}`, { method: 'POST' });
        await gate;
        return 'late';
      },
    },
  });
  const context = { getRemainingTimeInMillis: () => 30_000 };
  const first = slow({ Records: [record({ body: { order } })] }, context);
  while (sent(order) === 0) await sleep(20);

  // Through a queue, to see how long the copy is hidden.
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify({ order }) }));
  const receive = new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 600 });
  const { Messages: [message] = [] } = await sqs.send(receive);
  const copy = { ...record({ body: { order } }), receiptHandle: message?.ReceiptHandle ?? '' };
  const answer = await consumer()({ Records: [copy] }, context);
  expect(answer.batchItemFailures).toHaveLength(1);
  expect(summaries[0]?.problems[0]?.error).toMatchObject({ name: 'LeaseHeld' });
  expect(summaries[0]).toMatchObject({ excused: 1 });
  letGo();
  await first;
  // Not after the 600 s of its receive, but when the lease must be over.
  let again: unknown;
  while (again === undefined) {
    again = (await sqs.send(receive)).Messages?.[0];
    await sleep(100);
  }
  await deliver(consumer(), [copy]);
  expect(sent(order)).toBe(1);
  expect(await row(client, mails, { order })).toMatchObject({ receipt: 'late', times: 1 });
});

test('an effect whose outcome is unknown: blocked, and its message is among the dead letters', async () => {
  const order = randomUUID();
  const more = {
    run: async (to: string) => {
      await fetch(`${provider.url}/acts/${to}?reset`, { method: 'POST' });
      return 'never';
    },
  };
  await deliverTwice(consumer({ more }), [record({ body: { order } })]);
  expect(sent(order)).toBe(1);
  expect(await row(client, mails, { order })).toBeUndefined();
  const letters = await drain(sqs, deadLetterQueueUrl);
  expect(letters).toHaveLength(2);
  expect(letters[0]?.MessageAttributes?.ExactlyOnce?.StringValue).toContain('EffectBlocked');
});

test('without `leases` the consumer says what to give', async () => {
  const context = { getRemainingTimeInMillis: () => 30_000 };
  await consumer({ without: true })({ Records: [record({ body: { order: 'x' } })] }, context);
  expect(String(summaries[0]?.problems[0]?.error)).toContain('give `leases: leases()`');
});

test('R47: an effect is made when everything before it in its group is durable, never ahead', async () => {
  const seen: unknown[] = [];
  const of = tableOf({ name: mails.name, partitionKey: 'order' });
  const [first, second] = [randomUUID(), randomUUID()];
  const handler = sqsConsumer({
    settings: {
      consumerName: 'mailer',
      dedupTable: dedup.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
    },
    schema: z.object({ order: z.string() }),
    key: ({ body }) => body.order,
    leases: leases({ maxClockSkewSeconds: 0.2, observe: () => undefined }),
    handle: async ({ body: { order } }, tx) => {
      if (order === second)
        await tx.once('mail', {
          args: order,
          leaseSeconds: 2,
          onUnknown: 'block',
          run: async () => {
            seen.push(await row(client, of, { order: first }));
            return '';
          },
        });
      tx.update(of, { order }, { add: { times: 1 } });
    },
    dynamodb: client,
    sqs,
    observe: () => undefined,
  });
  const Records = [first, second].map((order) => record({ body: { order }, group: 'g' }));
  expect(await handler({ Records }, { getRemainingTimeInMillis: () => 20_000 })).toEqual({
    batchItemFailures: [],
  });
  expect(seen).toEqual([{ order: first, times: 1 }]);
  expect(await row(client, of, { order: second })).toMatchObject({ times: 1 });
});
