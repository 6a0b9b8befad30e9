import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateTopicCommand,
  SNSClient,
  SubscribeCommand,
  type PublishBatchCommandInput,
} from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, type SendMessageBatchCommandInput } from '@aws-sdk/client-sqs';
import {
  eventBusTarget,
  NotAccepted,
  queueTarget,
  topicTarget,
  type RelayedEvent,
} from '../../runtime/outbox/index.js';
import { embedded } from '../fixtures/embedded.js';
import { drain, sqs } from '../fixtures/queue.js';
import { newQueue } from './outbox-world.js';

const queues = sqs();
const topics = new SNSClient(embedded().client);
const buses = new EventBridgeClient(embedded().client);
afterAll(() => {
  for (const client of [queues, topics, buses]) client.destroy();
});

function eventOf(n: number, { type = 'Moved', bytes = 0 } = {}): RelayedEvent {
  const time = '2026-01-01T00:00:00.000Z';
  const event = {
    ...{ specversion: '1.0', id: `1/account/g${n}/1`, source: 'bank', type, time },
    data: { n, text: 'x'.repeat(bytes) },
  };
  return {
    ...{ stream: `["bank","1","account","g${n}"]`, version: 1n, event: JSON.stringify(event), time },
    ...{ source: 'bank', type, group: `g${n}`, deduplicationId: `d${n}` },
  };
}
const many = (count: number, bytes = 0) => Array.from({ length: count }, (_, n) => eventOf(n, { bytes }));
const numbers = (bodies: (string | undefined)[]) =>
  bodies.map((body) => (JSON.parse(body ?? '') as { data: { n: number } }).data.n).sort((a, b) => a - b);

async function arnOf(QueueUrl: string): Promise<string> {
  const { Attributes } = await queues.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return Attributes?.['QueueArn'] ?? '';
}

const call = { signal: new AbortController().signal };

test('a queue takes a call of ten events, in their order, and keeps the bytes of a call', async () => {
  const queueUrl = await newQueue(queues, true);
  const target = queueTarget({ queueUrl, client: queues });
  const events = many(10).map((event) => ({ ...event, group: 'one' }));
  expect(await target.send(events, call)).toEqual(new Map());
  const bodies = (await drain(queues, queueUrl)).map(({ Body }) => Body);
  expect(bodies).toEqual(events.map(({ event }) => event));
  const limits = target.call!;
  expect(limits.sizeOf(eventOf(1, { bytes: limits.bytes - 500 }))).toBeLessThanOrEqual(limits.bytes);
  expect(limits.sizeOf(eventOf(1, { bytes: limits.bytes }))).toBeGreaterThan(limits.bytes);
});

test('an event with characters that SQS does not take arrives unchanged', async () => {
  const queueUrl = await newQueue(queues, false);
  const event = { ...eventOf(1), event: JSON.stringify({ data: 'a\uFFFE\uFFFF\u0001b' }) };
  expect(await queueTarget({ queueUrl, client: queues }).send([event], call)).toEqual(new Map());
  const [message] = await drain(queues, queueUrl);
  expect(message!.Body).not.toMatch(/[\uFFFE\uFFFF]/);
  expect(JSON.parse(message!.Body!)).toEqual({ data: 'a\uFFFE\uFFFF\u0001b' });
});

test('a queue that is not there accepts nothing', async () => {
  const queueUrl = `${embedded().endpoint}/000000000000/none-${randomUUID()}`;
  const sending = queueTarget({ queueUrl, client: queues }).send(many(2), call);
  await expect(sending).rejects.toThrow(/queue/i);
});

test('a topic hands every event to its subscribers, with its type as an attribute', async () => {
  const queueUrl = await newQueue(queues, false);
  const { TopicArn = '' } = await topics.send(new CreateTopicCommand({ Name: `t-${randomUUID()}` }));
  await topics.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: 'sqs',
      Endpoint: await arnOf(queueUrl),
      Attributes: { RawMessageDelivery: 'true', FilterPolicy: JSON.stringify({ type: ['Moved'] }) },
    }),
  );
  const events = [...many(9), eventOf(99, { type: 'Closed' })];
  expect(await topicTarget({ topicArn: TopicArn, client: topics }).send(events, call)).toEqual(new Map());
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([...Array(9).keys()]);
});

test('an entry of which a queue or a topic says nothing is not accepted: nobody has it', async () => {
  const queueUrl = await newQueue(queues, false);
  const { TopicArn = '' } = await topics.send(new CreateTopicCommand({ Name: `t-${randomUUID()}` }));
  const [forgetfulSqs, forgetfulSns] = [sqs(), new SNSClient(embedded().client)];
  // The last entry of a batch gets lost on its way, and with it all that would be said of it.
  forgetfulSqs.middlewareStack.add(
    (next) => async (args) => {
      const { Entries = [] } = args.input as SendMessageBatchCommandInput;
      return next({ ...args, input: { ...args.input, Entries: Entries.slice(0, -1) } });
    },
    { step: 'initialize' },
  );
  forgetfulSns.middlewareStack.add(
    (next) => async (args) => {
      const { PublishBatchRequestEntries: all = [] } = args.input as PublishBatchCommandInput;
      return next({ ...args, input: { ...args.input, PublishBatchRequestEntries: all.slice(0, -1) } });
    },
    { step: 'initialize' },
  );
  const events = many(3);
  for (const target of [
    queueTarget({ queueUrl, client: forgetfulSqs }),
    topicTarget({ topicArn: TopicArn, client: forgetfulSns }),
  ])
    expect(await target.send(events, call)).toEqual(
      new Map([[events[2], expect.objectContaining({ name: 'NotAccepted', kind: 'transient' })]]),
    );
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([0, 1]);
  for (const client of [forgetfulSqs, forgetfulSns]) client.destroy();
});

test('a bus gets every event with its source and type', async () => {
  const queueUrl = await newQueue(queues, false);
  const Name = `b-${randomUUID()}`;
  await buses.send(new CreateEventBusCommand({ Name }));
  await buses.send(
    new PutRuleCommand({
      ...{ Name: 'r', EventBusName: Name },
      EventPattern: JSON.stringify({ source: ['bank'], 'detail-type': ['Moved'] }),
    }),
  );
  await buses.send(
    new PutTargetsCommand({
      ...{ Rule: 'r', EventBusName: Name },
      Targets: [{ Id: 'q', Arn: await arnOf(queueUrl), InputPath: '$.detail' }],
    }),
  );
  const events = [...many(9), eventOf(99, { type: 'Closed' })];
  expect(await eventBusTarget({ eventBusName: Name, client: buses }).send(events, call)).toEqual(new Map());
  const bodies = (await drain(queues, queueUrl)).map(({ Body }) => Body);
  expect(numbers(bodies)).toEqual([...Array(9).keys()]);
});

test('entries that a bus refuses are not accepted, though the call succeeds', async () => {
  // The emulator refuses no entry: a server gives the answer of AWS's page in its place. The third entry has no
  // result at all.
  const answer = {
    FailedEntryCount: 1,
    Entries: [{ EventId: '1' }, { ErrorCode: 'InternalFailure', ErrorMessage: 'unexpected' }],
  };
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(answer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new EventBridgeClient({ ...embedded().client, endpoint: `http://127.0.0.1:${port}` });
  const events = many(3);
  const refused = await eventBusTarget({ eventBusName: 'default', client }).send(events, call);
  client.destroy();
  server.close();
  expect([...refused.keys()]).toEqual(events.slice(1));
  expect(refused.get(events[1]!)).toBeInstanceOf(NotAccepted);
  expect(refused.get(events[1]!)).toMatchObject({ target: 'default', code: 'InternalFailure' });
});
