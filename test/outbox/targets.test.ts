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
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import {
  eventBusTarget,
  NotAccepted,
  queueTarget,
  topicTarget,
  type OutboxRow,
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

function rowOf(n: number, { type = 'Moved', bytes = 0 } = {}): OutboxRow {
  const event = {
    ...{ specversion: '1.0', id: `1/g${n}/1`, source: 'bank', type, time: '2026-01-01T00:00:00.000Z' },
    data: { n, text: 'x'.repeat(bytes) },
  };
  return {
    ...{ stream: `["bank","1","g${n}"]`, version: '1'.padStart(40, '0'), event: JSON.stringify(event) },
    ...{ type, group: `g${n}`, at: 0 },
  };
}
const many = (count: number, bytes = 0) => Array.from({ length: count }, (_, n) => rowOf(n, { bytes }));
const numbers = (bodies: (string | undefined)[]) =>
  bodies.map((body) => (JSON.parse(body ?? '') as { data: { n: number } }).data.n).sort((a, b) => a - b);

async function arnOf(QueueUrl: string): Promise<string> {
  const { Attributes } = await queues.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return Attributes?.['QueueArn'] ?? '';
}

test('a queue takes more events than fit into one call, by number and by bytes', async () => {
  const queueUrl = await newQueue(queues, false);
  const target = queueTarget({ queueUrl, client: queues });
  expect(await target.send(many(23))).toEqual(new Map());
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([...Array(23).keys()]);
  expect(await target.send(many(5, 300_000))).toEqual(new Map());
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([0, 1, 2, 3, 4]);
});

test('what a queue does not take is not accepted, the others are', async () => {
  const queueUrl = await newQueue(queues, false);
  const [small, big] = [rowOf(1), rowOf(2, { bytes: 1_100_000 })];
  const refused = await queueTarget({ queueUrl, client: queues }).send([small, big]);
  expect([...refused.keys()]).toEqual([big]);
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([1]);
});

test('a queue that is not there accepts nothing', async () => {
  const queueUrl = `${embedded().endpoint}/000000000000/none-${randomUUID()}`;
  const rows = many(12);
  const refused = await queueTarget({ queueUrl, client: queues }).send(rows);
  expect([...refused.keys()]).toEqual(rows);
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
  const rows = [...many(12), rowOf(99, { type: 'Closed' })];
  expect(await topicTarget({ topicArn: TopicArn, client: topics }).send(rows)).toEqual(new Map());
  expect(numbers((await drain(queues, queueUrl)).map(({ Body }) => Body))).toEqual([...Array(12).keys()]);
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
  const rows = [...many(12), rowOf(99, { type: 'Closed' })];
  expect(await eventBusTarget({ eventBusName: Name, client: buses }).send(rows)).toEqual(new Map());
  const bodies = (await drain(queues, queueUrl)).map(({ Body }) => Body);
  expect(numbers(bodies)).toEqual([...Array(12).keys()]);
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
  const rows = many(3);
  const refused = await eventBusTarget({ eventBusName: 'default', client }).send(rows);
  client.destroy();
  server.close();
  expect([...refused.keys()]).toEqual(rows.slice(1));
  expect(refused.get(rows[1]!)).toBeInstanceOf(NotAccepted);
  expect(refused.get(rows[1]!)).toMatchObject({ target: 'default', code: 'InternalFailure' });
});
