import { createHash, randomUUID } from 'node:crypto';
import { CreateBucketCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import {
  channelSender,
  firstEnqueueAttribute,
  InvalidMessages,
  MessagesNotSent,
  sentKey,
  type SendSummary,
} from '../../runtime/channel/index.js';
import { refusalKind } from '../../runtime/send/refusal.js';
import { deadLetterAttribute, s3Payload, sqsConsumer } from '../../runtime/sqs/index.js';
import { newChannel, pump } from '../fixtures/channel.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { drain, newFifoQueue, sqs } from '../fixtures/queue.js';
import { losingAnswers, refusingEntries, type EntryRefusal } from '../fixtures/strict.js';
import { newQueue } from '../outbox/outbox-world.js';
import { byGroup, inGroups, keysIn, sometimes, throttled } from './sending.js';

const client = sqs();
const dynamodb = dynamo();
const s3 = new S3Client({ ...embedded().client, forcePathStyle: true });
afterAll(() => {
  for (const one of [client, dynamodb, s3]) one.destroy();
});

/** A sender whose client refuses some entries, and what it tells of itself. */
function senderOf(
  queueUrl: string,
  pick: (body: string) => EntryRefusal | undefined = () => undefined,
  options: Partial<Parameters<typeof channelSender>[0]> = {},
) {
  const summaries: SendSummary[] = [];
  const sender = channelSender({
    settings: { queueUrl },
    sqs: refusingEntries(sqs(), ({ MessageBody = '' }) => pick(MessageBody)),
    observe: (summary) => summaries.push(summary),
    ...options,
  });
  return { sender, summaries };
}

test.each([
  ['RequestThrottled', true, 'throttled'],
  ['ThrottlingException', true, 'throttled'],
  ['KMS.ThrottlingException', true, 'throttled'],
  ['KmsThrottled', true, 'throttled'],
  ['OverLimit', true, 'throttled'],
  ['InternalError', false, 'transient'],
  ['InternalFailure', true, 'transient'],
  ['ServiceUnavailable', false, 'transient'],
  ['Unheard', false, 'transient'],
  ['InvalidMessageContents', true, 'final'],
  ['Unheard', true, 'final'],
] as const)(
  'an entry that failed with %s (SenderFault %s) is %s: the code counts before the flag',
  (code, fault, kind) => {
    expect(refusalKind(code, fault)).toBe(kind);
  },
);

test('only what failed is sent again: nothing is twice in a Standard queue, which would keep it', async () => {
  const queueUrl = await newQueue(client, false);
  const fails = sometimes(0.4);
  const { sender, summaries } = senderOf(queueUrl, () => (fails() ? throttled : undefined));
  await sender.send(inGroups(6, 10));
  expect((await keysIn(client, queueUrl)).sort()).toEqual(
    inGroups(6, 10)
      .map(({ key }) => key)
      .sort(),
  );
  expect(summaries).toEqual([expect.objectContaining({ messages: 60, sent: 60, notSent: 0 })]);
  expect(summaries[0]?.throttled).toBeGreaterThan(10);
});

test('FIFO: a failed entry holds back all later ones of its group, and no other group', async () => {
  const queueUrl = await newFifoQueue(client);
  const fails = sometimes(0.3, 7);
  const { sender } = senderOf(queueUrl, () => (fails() ? throttled : undefined));
  await sender.send(inGroups(5, 12));
  const came = byGroup(await keysIn(client, queueUrl));
  expect(Object.keys(came)).toHaveLength(5);
  for (const numbers of Object.values(came)) expect(numbers).toEqual(Array.from({ length: 12 }, (_, n) => n));
});

test('FIFO with versions: ten of one group share a call, and what comes out of order is the consumer’s to sort', async () => {
  const queueUrl = await newFifoQueue(client);
  const plain = senderOf(queueUrl);
  await plain.sender.send(inGroups(1, 20));
  const versioned = senderOf(queueUrl, undefined, { orderedBy: 'version' });
  await versioned.sender.send(inGroups(1, 20).map((one) => ({ ...one, key: `v-${one.key}` })));
  expect([plain.summaries[0]?.calls, versioned.summaries[0]?.calls]).toEqual([20, 2]);
});

test('calls are filled by count, and by bytes: none is larger than SQS takes', async () => {
  const queueUrl = await newQueue(client, false);
  const { sender, summaries } = senderOf(queueUrl);
  await sender.send(inGroups(25, 1));
  await sender.send(inGroups(8, 1, 250_000));
  expect(summaries.map(({ calls }) => calls)).toEqual([3, 2]);
  expect(await keysIn(client, queueUrl)).toHaveLength(33);
});

test('what SQS will never take is named, what is behind it in its group is not sent, all else is', async () => {
  const queueUrl = await newFifoQueue(client);
  const refused: EntryRefusal = { Code: 'InvalidMessageContents', SenderFault: true };
  const { sender, summaries } = senderOf(queueUrl, (body) =>
    body.includes('"g1","n":2') ? refused : undefined,
  );
  const failure = await sender.send(inGroups(3, 5)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MessagesNotSent);
  const { unsent, sent } = failure as MessagesNotSent;
  expect(unsent.map(({ message, final }) => [message.key, final])).toEqual([
    ['g1-2', true],
    ['g1-3', false],
    ['g1-4', false],
  ]);
  expect(sent).toBe(12);
  expect(byGroup(await keysIn(client, queueUrl))).toEqual({
    g0: [0, 1, 2, 3, 4],
    g1: [0, 1],
    g2: [0, 1, 2, 3, 4],
  });
  expect(summaries[0]).toMatchObject({ sent: 12, notSent: 3 });
});

test('without end to the throttling the caller gets back what is left, and every message is in one place', async () => {
  const queueUrl = await newFifoQueue(client);
  let left = 7;
  const { sender } = senderOf(queueUrl, () => ((left -= 1) >= 0 ? undefined : throttled));
  const failure = await sender.send(inGroups(4, 5), { patienceMs: 700 }).catch((error: unknown) => error);
  const back = (failure as MessagesNotSent).unsent.map(({ message }) => message.key);
  expect((failure as MessagesNotSent).message).toMatch(
    /^13 of 20 messages are not known to be accepted \(RequestThrottled.*\): send those of `unsent` again/,
  );
  expect([...back, ...(await keysIn(client, queueUrl))].sort()).toEqual(
    inGroups(4, 5)
      .map(({ key }) => key)
      .sort(),
  );
});

test('FIFO: a send whose answer is lost is repeated with the same deduplication id, and is in the queue once', async () => {
  const queueUrl = await newFifoQueue(client);
  const loses = sometimes(0.5, 3);
  const { sender } = senderOf(queueUrl, undefined, {
    sqs: losingAnswers(sqs(), (command) => command === 'SendMessageBatchCommand' && loses()),
  });
  await sender.send(inGroups(3, 6));
  // Another process that knows nothing of the first one.
  await senderOf(queueUrl).sender.send(inGroups(3, 6));
  const came = byGroup(await keysIn(client, queueUrl));
  expect(came).toEqual({ g0: [0, 1, 2, 3, 4, 5], g1: [0, 1, 2, 3, 4, 5], g2: [0, 1, 2, 3, 4, 5] });
});

test.each([
  ['no key', { key: '', body: 1, group: 'g' }, 'key must be text'],
  ['no group on FIFO', { key: 'k', body: 1 }, 'group is left out: FIFO needs one'],
  ['a group with a space', { key: 'k', body: 1, group: 'a b' }, 'visible ASCII'],
  ['a body that JSON empties', { key: 'k', body: Promise.resolve(1), group: 'g' }, 'body is no JSON value'],
  ['a body that is no JSON', { key: 'k', body: undefined, group: 'g' }, 'body is no JSON value'],
  ['a body over the limit', { key: 'k', body: 'x'.repeat(1_048_600), group: 'g' }, 'give `claimCheck`'],
  [
    'too many attributes',
    { key: 'k', body: 1, group: 'g', attributes: Object.fromEntries('abcdefg'.split('').map((a) => [a, a])) },
    '7 attributes, of at most 6',
  ],
  [
    'an attribute of the sender',
    { key: 'k', body: 1, group: 'g', attributes: { ExactlyOnceKey: 'x' } },
    'the sender’s',
  ],
  [
    'an attribute with a period at the end',
    { key: 'k', body: 1, group: 'g', attributes: { 'a.': 'x' } },
    'SQS refuses',
  ],
  [
    'an attribute with two periods in a row',
    { key: 'k', body: 1, group: 'g', attributes: { 'a..b': 'x' } },
    'SQS refuses',
  ],
])('%s: nothing of the call is sent, and no value is quoted', async (_, message, problem) => {
  const queueUrl = await newFifoQueue(client);
  const failure = await senderOf(queueUrl)
    .sender.send([...inGroups(1, 2), message])
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(InvalidMessages);
  expect((failure as InvalidMessages).message).toContain(`nothing was sent: message 2: `);
  expect((failure as InvalidMessages).problems).toEqual([
    { index: 2, problem: expect.stringContaining(problem) as string },
  ]);
  expect(await keysIn(client, queueUrl)).toEqual([]);
});

test('FIFO: a key that is used for another body is for the consumer to refuse, not for the queue to drop', async () => {
  const queueUrl = await newFifoQueue(client);
  const { sender } = senderOf(queueUrl);
  for (const cents of [1, 1, 2]) await sender.send([{ key: 'k', group: 'g', body: { cents } }]);
  await senderOf(queueUrl).sender.send([{ key: 'k', group: 'g', body: { cents: 2 } }]);
  expect((await drain(client, queueUrl)).map(({ Body }) => Body)).toEqual(['{"cents":1}', '{"cents":2}']);
});

test('numbers that a double cannot hold, and characters that SQS refuses, arrive as they were', async () => {
  const queueUrl = await newQueue(client, false);
  await senderOf(queueUrl).sender.send([{ key: 'k', body: { big: 9007199254740993n, text: '\uFFFE"' } }]);
  const [{ Body } = {}] = await drain(client, queueUrl);
  expect(Body).toBe('{"big":9007199254740993,"text":"\\uFFFE\\""}');
});

test('a tracer’s fields travel as W3C attributes and as the header of X-Ray', async () => {
  const queueUrl = await newQueue(client, false);
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const awsTraceHeader = `Root=1-${'a'.repeat(8)}-${'b'.repeat(24)};Sampled=1`;
  // The emulator does not hand the header out, so what is asked of it is looked at, too.
  const asked: object[] = [];
  const { sender } = senderOf(queueUrl, undefined, {
    trace: () => ({ traceparent, awsTraceHeader }),
    sqs: refusingEntries(sqs(), (entry) => {
      asked.push(entry);
      return undefined;
    }),
  });
  await sender.send([{ key: 'k', body: 1, attributes: { kind: 'x' } }]);
  const [{ MessageAttributes } = {}] = await drain(client, queueUrl);
  expect(MessageAttributes?.['traceparent']?.StringValue).toBe(traceparent);
  expect(MessageAttributes?.['kind']?.StringValue).toBe('x');
  expect(asked).toEqual([
    expect.objectContaining({
      MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: awsTraceHeader } },
    }),
  ]);
});

const Large = z.object({ id: z.string(), text: z.string() });

/** A consumer of what the sender sends, with one unkeyed counter: whatever acts twice shows. */
async function consuming(fifo: boolean, handle?: () => void) {
  const [channel, receipts, counters] = await Promise.all([
    newChannel(client, fifo),
    newTable(dynamodb, 'id'),
    newTable(dynamodb, 'name'),
  ]);
  const consumer = sqsConsumer({
    settings: {
      consumerName: 'large',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      ...channel,
      maxFailures: 1,
    },
    schema: Large,
    decode: s3Payload({ client: s3 }),
    key: sentKey,
    handle: ({ body }, tx) => {
      handle?.();
      tx.update(counters, { name: 'all' }, { add: { acted: 1, length: body.text.length } });
    },
    dynamodb,
    sqs: client,
    observe: () => undefined,
  });
  return { channel, consumer, acted: () => row(dynamodb, counters, { name: 'all' }) };
}

test('a large body goes to S3 under its hash, as AWS’s clients write it, acts once, and stays there for a second send', async () => {
  const bucket = `claims-${randomUUID()}`;
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const { channel, consumer, acted } = await consuming(false);
  const { sender, summaries } = senderOf(channel.queueUrl, undefined, {
    claimCheck: { bucket, client: s3, prefix: 'p/' },
  });
  const body = { id: 'one', text: 'x'.repeat(2_000_000) };
  await sender.send([{ key: 'one', body }]);
  const name = `p/${createHash('sha256').update(JSON.stringify(body)).digest('hex')}`;
  const [sent] = await drain(client, channel.queueUrl);
  // Byte by byte what payload-offloading writes.
  expect(sent?.Body).toBe(
    `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"${bucket}","s3Key":"${name}"}]`,
  );
  expect(sent?.MessageAttributes?.['ExtendedPayloadSize']).toMatchObject({
    DataType: 'Number',
    StringValue: String(JSON.stringify(body).length),
  });
  for (let copy = 0; copy < 3; copy += 1) {
    await sender.send([{ key: 'one', body }]);
    await pump(client, channel, consumer);
  }
  expect(await acted()).toMatchObject({ acted: 1, length: 2_000_000 });
  expect((await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: name }))).ContentLength).toBe(
    JSON.stringify(body).length,
  );
  expect(summaries.map(({ claimed }) => claimed)).toEqual([1, 1, 1, 1]);
});

test('a body that S3 does not take is not sent as a pointer to nothing', async () => {
  const queueUrl = await newFifoQueue(client);
  const { sender } = senderOf(queueUrl, undefined, {
    claimCheck: { bucket: `missing-${randomUUID()}`, client: s3, aboveBytes: 5_000 },
  });
  const [first, ...later] = inGroups(1, 3);
  const large = { ...(first ?? { key: 'k', group: 'g0' }), body: 'x'.repeat(10_000) };
  const failure = await sender.send([large, ...later]).catch((error: unknown) => error);
  expect((failure as MessagesNotSent).unsent.map(({ message }) => message.key)).toEqual([
    'g0-0',
    'g0-1',
    'g0-2',
  ]);
  expect(await keysIn(client, queueUrl)).toEqual([]);
});

test('the time of the first send is what a dead letter counts its horizon from', async () => {
  const { channel, consumer } = await consuming(true, () => {
    throw new Error('never');
  });
  const firstEnqueue = new Date('2026-01-02T03:04:05.678Z');
  await senderOf(channel.queueUrl).sender.send([
    { key: 'k', group: 'g', body: { id: 'k', text: '' }, firstEnqueue },
  ]);
  await pump(client, channel, consumer, { again: true, batches: 3 });
  const [letter] = await drain(client, channel.deadLetterQueueUrl);
  expect(letter?.MessageAttributes?.[firstEnqueueAttribute]?.StringValue).toBe(firstEnqueue.toISOString());
  expect(JSON.parse(letter?.MessageAttributes?.[deadLetterAttribute]?.StringValue ?? '')).toMatchObject({
    firstEnqueue: firstEnqueue.toISOString(),
  });
});
