import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { SpanKind } from '@opentelemetry/api';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import type { Table } from '../../runtime/dynamodb/index.js';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { spanObserver, traceAttributes, traced } from '../../runtime/telemetry/index.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { newFifoQueue, record, sqs } from '../fixtures/queue.js';
import { delivered, exporter, spanOf, startTracing, stopTracing, tracer } from './spans.js';

const client = dynamo();
const queue = sqs();

let handler: SqsConsumer;
let rows: Table;

beforeAll(async () => {
  startTracing();
  rows = await newTable(client, 'name');
  const receipts = await newDedupTable(client);
  handler = traced(
    sqsConsumer({
      settings: {
        consumerName: 'traced',
        dedupTable: receipts.name,
        receiptRetentionSeconds: 60,
        deadLetterQueueUrl: 'none',
      },
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: ({ body }, tx) => {
        if (body.id.startsWith('fails')) throw new Error(`card of ${body.id}`);
        tracer.startSpan('inside').end();
        tx.update(rows, { name: 'all' }, { add: { value: 1 } });
      },
      dynamodb: client,
      sqs: queue,
      observe: spanObserver(() => undefined),
    }),
  );
});
beforeEach(() => exporter.reset());
afterAll(() => {
  stopTracing();
  client.destroy();
  queue.destroy();
});

const invocation = { getRemainingTimeInMillis: () => 30_000 };
test('from producer to consumer: one span a batch, one link a message to the span that sent it, no parent in a message', async () => {
  const url = await newFifoQueue(queue);
  const sent: string[] = [];
  for (const id of ['a', 'b'])
    await tracer.startActiveSpan(`send ${id}`, async (span) => {
      sent.push(span.spanContext().spanId);
      await queue.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: JSON.stringify({ id: `${id}${randomUUID()}` }),
          MessageGroupId: 'g',
          MessageDeduplicationId: randomUUID(),
          ...traceAttributes(),
        }),
      );
      span.end();
    });
  await handler({ Records: await delivered(queue, url) }, invocation);
  const batch = spanOf('process ');
  expect(batch.kind).toBe(SpanKind.CONSUMER);
  expect(batch.parentSpanContext).toBeUndefined();
  expect(batch.links.map(({ context: { spanId } }) => spanId)).toEqual(sent);
  expect(batch.attributes).toMatchObject({
    'messaging.system': 'aws_sqs',
    'messaging.batch.message_count': 2,
    'exactly_once.processed': 2,
    'messaging.consumer.group.name': 'traced',
  });
  expect(spanOf('inside').parentSpanContext?.spanId).toBe(batch.spanContext().spanId);
});

test('the span of a batch is a child of the span of the invocation, which the Lambda instrumentation makes', async () => {
  await tracer.startActiveSpan('invocation', { kind: SpanKind.SERVER }, async (span) => {
    await handler({ Records: [record({ body: { id: randomUUID() } })] }, invocation);
    span.end();
  });
  expect(spanOf('process ').parentSpanContext?.spanId).toBe(spanOf('invocation').spanContext().spanId);
});

const hex = (length: number) => '1234567890abcdef'.repeat(3).slice(0, length);
const header = `Root=1-${hex(8)}-${hex(24)};Parent=${hex(16)};Sampled=1;Lineage=1:abc:0`;
const parent = `00-${hex(32)}-${hex(16).split('').reverse().join('')}-01`;

test.each<[string, { header?: string; parent?: string }, string[]]>([
  ['X-Ray alone', { header }, [`${hex(8)}${hex(24)} ${hex(16)} 1`]],
  ['both: W3C', { header, parent }, [`${hex(32)} ${hex(16).split('').reverse().join('')} 1`]],
  ['W3C that is none: X-Ray', { header, parent: 'ff-1-2-3' }, [`${hex(8)}${hex(24)} ${hex(16)} 1`]],
  ['a trace without a span', { header: `Root=1-${hex(8)}-${hex(24)}` }, []],
  ['only zeros', { parent: `00-${'0'.repeat(32)}-${hex(16)}-01` }, []],
  ['nothing', {}, []],
])('%s is linked', async (_what, given, links) => {
  const plain = record({ body: { id: randomUUID() } });
  const attribute = given.parent && {
    traceparent: { stringValue: given.parent, dataType: 'String' as const },
  };
  const one: SQSRecord = {
    ...plain,
    attributes: { ...plain.attributes, AWSTraceHeader: given.header },
    messageAttributes: attribute ? attribute : {},
  };
  await handler({ Records: [one] }, invocation);
  const found = spanOf('process ').links.map(
    ({ context: { traceId, spanId, traceFlags } }) => `${traceId} ${spanId} ${traceFlags}`,
  );
  expect(found).toEqual(links);
});

test('a copy is the same message with another trace: it acts once, and its span says so', async () => {
  const id = randomUUID();
  const traced = { traceparent: { stringValue: parent, dataType: 'String' as const } };
  await handler({ Records: [record({ body: { id } })] }, invocation);
  exporter.reset();
  await handler({ Records: [record({ body: { id }, messageAttributes: traced })] }, invocation);
  expect(spanOf('process ').attributes['exactly_once.duplicate']).toBe(1);
});

test('a span holds no key and no message of an error', async () => {
  const id = `fails ${randomUUID()}`;
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const answer = await handler({ Records: [record({ body: { id } })] }, invocation);
  jest.restoreAllMocks();
  expect(answer.batchItemFailures).toHaveLength(1);
  const { attributes, events, status } = spanOf('process ');
  expect(attributes['exactly_once.retried']).toBe(1);
  expect(JSON.stringify([attributes, events, status])).not.toContain(id);
});

test('what the handler throws is thrown, and the span has its name alone', async () => {
  const failing = traced(() => Promise.reject(new RangeError('of alice@example.com')));
  await expect(failing({ Records: [record({ body: {} })] }, invocation)).rejects.toThrow(RangeError);
  const { attributes, events, status } = spanOf('process ');
  expect(attributes['error.type']).toBe('RangeError');
  expect(JSON.stringify([attributes, events, status])).not.toContain('alice');
});

test('without a span nothing is sent with a message', () => {
  expect(traceAttributes()).toEqual({ MessageAttributes: {}, MessageSystemAttributes: {} });
});
