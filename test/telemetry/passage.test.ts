import { randomUUID } from 'node:crypto';
import { EventBridgeClient, type PutEventsCommandInput } from '@aws-sdk/client-eventbridge';
import type { SendMessageBatchCommandInput } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { channelSender } from '../../runtime/channel/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { cloudEvent, eventBusTarget, outbox, queueTarget } from '../../runtime/outbox/index.js';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { spanObserver, traced, traceFields } from '../../runtime/telemetry/index.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { newFifoQueue, record, sqs } from '../fixtures/queue.js';
import { inTime, placeOf, WrittenOutbox } from '../outbox/written-outbox.js';
import { delivered, exporter, spanOf, startTracing, stopTracing, tracer } from './spans.js';

/** A trace passes what is between a producer and its consumer: the sender, and the outbox with its relay. */
const client = dynamo();
const queue = sqs();
let dedupTable: string;
let rows: Table;
let outgoing: WrittenOutbox;
beforeAll(async () => {
  startTracing();
  dedupTable = (await newDedupTable(client)).name;
  rows = await newTable(client, 'name');
  outgoing = await WrittenOutbox.open();
});
beforeEach(() => exporter.reset());
afterAll(() => {
  stopTracing();
  outgoing.close();
  for (const one of [client, queue]) one.destroy();
});

const settings = (consumerName: string) => ({
  ...{ consumerName, dedupTable, receiptRetentionSeconds: 60, deadLetterQueueUrl: 'none' },
});
const common = { dynamodb: client, sqs: queue, observe: spanObserver(() => undefined) };

function ledger(): SqsConsumer {
  return traced(
    sqsConsumer({
      ...{ ...common, settings: settings('ledger') },
      schema: cloudEvent(z.object({ id: z.string() })),
      key: ({ body }) => body.id,
      handle: (_, tx) => tx.update(rows, { name: 'ledger' }, { add: { value: 1 } }),
    }),
  );
}

/** A consumer that publishes what it was sent. */
function shop(trace?: typeof traceFields): SqsConsumer {
  const events = outbox({ table: outgoing.table, source: 'shop', epoch: '1', trace });
  return traced(
    sqsConsumer({
      ...{ ...common, settings: settings('shop') },
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: ({ body: { id } }, tx) =>
        tx.publish(events, {
          ...{ aggregate: { table: rows, key: { name: id }, kind: 'order' }, type: 'Ordered', data: { id } },
        }),
    }),
  );
}

test('an event is linked to the span that published it, however often the relay sends it, and is the same event', async () => {
  const url = await newFifoQueue(queue);
  const id = randomUUID();
  const headers: unknown[] = [];
  const watched = sqs();
  watched.middlewareStack.add(
    (next) => (args) => {
      const { Entries = [] } = args.input as SendMessageBatchCommandInput;
      headers.push(...Entries.map((entry) => entry.MessageSystemAttributes?.AWSTraceHeader?.StringValue));
      return next(args);
    },
    { step: 'initialize' },
  );
  const read = await outgoing.reader();
  await shop(traceFields)({ Records: [record({ body: { id } })] }, inTime);
  const published = spanOf('process ').spanContext();
  exporter.reset();
  const Records = await read();
  for (let relay = 0; relay < 2; relay += 1)
    await outgoing.relay([queueTarget({ queueUrl: url, client: watched })])({ Records }, inTime);
  watched.destroy();
  const messages = await delivered(queue, url);
  expect(messages.map(({ body }) => placeOf(body))).toEqual([`${id} 1`]);
  expect(messages[0]!.body).not.toContain(published.traceId);
  // The emulator does not keep system attributes.
  const header = `Root=1-${published.traceId.slice(0, 8)}-${published.traceId.slice(8)};Parent=${published.spanId};Sampled=1`;
  expect(headers).toEqual([header, header]);
  await ledger()({ Records: messages }, inTime);
  const { links, attributes } = spanOf('process ');
  expect(links.map(({ context: { traceId, spanId } }) => [traceId, spanId])).toEqual([
    [published.traceId, published.spanId],
  ]);
  expect(attributes).toMatchObject({ 'exactly_once.processed': 1 });
});

test('a bus is told of the trace in X-Ray’s header; without a tracer nothing travels beside the event', async () => {
  const sent: PutEventsCommandInput[] = [];
  const bus = new EventBridgeClient({ region: 'us-east-1' });
  bus.middlewareStack.add(
    () => (args) => {
      sent.push(args.input as PutEventsCommandInput);
      return Promise.resolve({ output: { Entries: [{ EventId: '1' }], $metadata: {} }, response: {} });
    },
    { step: 'initialize' },
  );
  const read = await outgoing.reader();
  await read();
  for (const trace of [traceFields, undefined]) {
    await shop(trace)({ Records: [record({ body: { id: randomUUID() } })] }, inTime);
    const Records = await read();
    await outgoing.relay([eventBusTarget({ eventBusName: 'bus', client: bus })])({ Records }, inTime);
  }
  bus.destroy();
  const { spanId } = spanOf('process ').spanContext();
  expect(sent.map(({ Entries }) => Entries?.[0]?.TraceHeader)).toEqual([
    expect.stringContaining(`Parent=${spanId};`),
    undefined,
  ]);
});

test.each([
  ['no W3C', { traceparent: 'x\u0000', awsTraceHeader: 'Root=1-a-b' }, { awsTraceHeader: 'Root=1-a-b' }],
  ['too long a state', { traceparent: 'x', tracestate: 'y'.repeat(513) }, { traceparent: 'x' }],
  ['nothing that can be sent', { traceparent: '' }, undefined],
])('no event fails for what its tracer says: %s', async (_what, said, kept) => {
  const read = await outgoing.reader();
  await read();
  await shop(() => said)({ Records: [record({ body: { id: randomUUID() } })] }, inTime);
  const [row] = (await read()).map(({ dynamodb }) => dynamodb?.NewImage?.trace?.S);
  expect(row === undefined ? undefined : (JSON.parse(row) as unknown)).toEqual(kept);
});

test('a message of the sender is linked to the span that sent it', async () => {
  const url = await newFifoQueue(queue);
  const sender = channelSender({ settings: { queueUrl: url }, sqs: queue, trace: traceFields });
  const spans: string[] = [];
  for (const id of ['a', 'b'])
    await tracer.startActiveSpan(`send ${id}`, async (span) => {
      spans.push(span.spanContext().spanId);
      await sender.send([{ key: randomUUID(), group: 'g', body: { id: `${id} ${randomUUID()}` } }]);
      span.end();
    });
  await shop()({ Records: await delivered(queue, url) }, inTime);
  expect(spanOf('process ').attributes).toMatchObject({ 'exactly_once.processed': 2 });
  expect(spanOf('process ').links.map(({ context: { spanId } }) => spanId)).toEqual(spans);
});
