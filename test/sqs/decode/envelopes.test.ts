import { randomUUID } from 'node:crypto';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  base64,
  eventBridgeEnvelope,
  s3Notification,
  snsEnvelope,
  sqsConsumer,
  type Decode,
} from '../../../runtime/sqs/index.js';
import { cloudEvent, eventBusTarget, queueTarget, topicTarget } from '../../../runtime/outbox/index.js';
import { newTable, row } from '../../fixtures/dynamo.js';
import { embedded } from '../../fixtures/embedded.js';
import { drain, record } from '../../fixtures/queue.js';
import { newQueue } from '../../outbox/outbox-world.js';
import { client, decodingWorld, Order, queue } from './decoding-world.js';

const topics = new SNSClient(embedded().client);
const buses = new EventBridgeClient(embedded().client);
afterAll(() => {
  for (const one of [client, queue, topics, buses]) one.destroy();
});

const order = (id = 'o1', cents = 5) => ({ id, cents });
const sns = (message: unknown, rest: object = {}) => ({
  ...{ Type: 'Notification', MessageId: randomUUID(), TopicArn: 'arn:aws:sns:us-east-1:000000000000:orders' },
  Message: typeof message === 'string' ? message : JSON.stringify(message),
  ...{ Timestamp: new Date().toISOString(), SignatureVersion: '1', Signature: randomUUID() },
  ...rest,
});
const event = (detail: unknown, rest: object = {}) => ({
  ...{ version: '0', id: randomUUID(), 'detail-type': 'Ordered', source: 'shop', account: '000000000000' },
  ...{ time: new Date().toISOString(), region: 'us-east-1', resources: [] },
  detail,
  ...rest,
});

describe('one message in several envelopes acts once', () => {
  test.each<[string, Decode, unknown[]]>([
    ['published twice to SNS', snsEnvelope(), [sns(order()), sns(order())]],
    ['through SNS, and through a subscription with raw delivery', snsEnvelope(), [sns(order()), order()]],
    ['put twice on a bus', eventBridgeEnvelope(), [event(order()), event(order())]],
    [
      'replayed from an archive',
      eventBridgeEnvelope(),
      [event(order()), event(order(), { 'replay-name': 'r' })],
    ],
    ['with and without an input path of the rule', eventBridgeEnvelope(), [event(order()), order()]],
  ])('%s', async (_what, decode, bodies) => {
    const { run, acted, letters, summaries } = await decodingWorld(decode);
    for (const body of bodies) expect(await run(record({ body }))).toEqual([]);
    // Also side by side in one batch.
    expect(await run(...bodies.map((body) => record({ body })))).toEqual([]);
    expect(await acted()).toBe(1);
    expect(await letters()).toEqual([]);
    expect(summaries.map(({ processed, duplicate }) => [processed, duplicate])).toEqual([
      [1, 0],
      [0, 1],
      [0, 2],
    ]);
  });

  test('also without decoding, and a schema of the envelope: what it says anew each time is nothing that copies must agree on', async () => {
    const Sns = z.pipe(
      z.object({ Message: z.string() }),
      z.transform(({ Message }) => JSON.parse(Message) as { id: string; cents: number }),
    );
    const Event = z.pipe(
      z.object({ detail: Order }),
      z.transform(({ detail }) => detail),
    );
    for (const [schema, wrapped] of [[Sns, sns] as const, [Event, event] as const]) {
      const { run, acted, letters } = await decodingWorld(undefined, { schema: schema as never });
      for (const body of [wrapped(order()), wrapped(order())]) await run(record({ body }));
      expect([await acted(), await letters()]).toEqual([1, []]);
      await run(record({ body: wrapped(order('o1', 6)) }));
      expect((await letters()).map(({ reason }) => reason)).toEqual([expect.stringMatching(/^KeyReused/)]);
    }
  });

  test('another payload under one key is still another payload', async () => {
    const { run, acted, letters } = await decodingWorld(snsEnvelope());
    const second = sns(order('o1', 6));
    await run(record({ body: sns(order()) }), record({ body: second }));
    expect(await acted()).toBe(1);
    expect(await letters()).toEqual([
      { body: JSON.stringify(second), reason: expect.stringMatching(/^KeyReused/) },
    ]);
  });
});

test('what SNS carries beside a message are its attributes, as they are with raw delivery', async () => {
  const { run, attributes } = await decodingWorld(snsEnvelope());
  const MessageAttributes = JSON.parse(
    '{"type":{"Type":"String","Value":"Ordered"},"count":{"Type":"Number","Value":"3"},' +
      '"raw":{"Type":"Binary","Value":"AAE="},"__proto__":{"Type":"String","Value":"p"}}',
  ) as object;
  const messageAttributes: SQSRecord['messageAttributes'] = {
    own: { dataType: 'String', stringValue: 'of SQS' },
    type: { dataType: 'String', stringValue: 'of SQS' },
  };
  await run(record({ body: sns(order(), { MessageAttributes }), messageAttributes }));
  expect(attributes.map((each) => Object.entries(each).sort())).toEqual([
    [
      ['__proto__', 'p'],
      ['count', '3'],
      ['own', 'of SQS'],
      ['type', 'Ordered'],
    ],
  ]);
});

test('a subscription that waits for its confirmation is found among the dead letters', async () => {
  const { run, letters } = await decodingWorld(snsEnvelope());
  const body = {
    ...sns('visit the address'),
    Type: 'SubscriptionConfirmation',
    Token: 't',
    SubscribeURL: 'u',
  };
  expect(await run(record({ body }))).toEqual([]);
  expect(await letters()).toEqual([
    {
      body: JSON.stringify(body),
      reason: expect.stringMatching(/^RejectMessage: SNS sent a SubscriptionConf/),
    },
  ]);
});

test('coats are taken off in turn, the outermost first', async () => {
  const decode = [snsEnvelope(), base64(), eventBridgeEnvelope()];
  const { run, acted, letters } = await decodingWorld(decode);
  const coats = [
    sns(Buffer.from(JSON.stringify(event(order()))).toString('base64')),
    sns(event(order())),
    event(order()),
    order(),
  ];
  for (const body of coats) await run(record({ body }));
  expect(await letters()).toEqual([]);
  expect(await acted()).toBe(1);
});

test('an event may be told from others by what its envelope says, where that is asked for', async () => {
  const Kept = z.object({
    'detail-type': z.string(),
    source: z.string(),
    detail: z.object({ id: z.string() }),
  });
  const { run, acted, letters } = await decodingWorld(
    eventBridgeEnvelope({ keep: ['detail-type', 'source'] }),
    {
      schema: Kept as never,
      key: ({ body }) => (body as unknown as z.infer<typeof Kept>)['detail-type'],
    },
  );
  for (const type of ['Ordered', 'Ordered', 'Cancelled'])
    await run(record({ body: event(order(), { 'detail-type': type }) }));
  expect(await acted()).toBe(2);
  expect(await letters()).toEqual([]);
});

test('numbers in an envelope are no less exact than others', async () => {
  const schema = z.object({ id: z.string(), wei: z.bigint() });
  const { run, acted, letters } = await decodingWorld([snsEnvelope(), eventBridgeEnvelope()], {
    schema: schema as never,
  });
  const inDetail = JSON.stringify(event('DETAIL'));
  for (const wei of ['9007199254740993', '9007199254740995'])
    await run(record({ body: sns(inDetail.replace('"DETAIL"', `{"id":"o1","wei":${wei}}`)) }));
  expect(await acted()).toBe(1);
  expect((await letters()).map(({ reason }) => reason)).toEqual([expect.stringMatching(/^KeyReused/)]);
});

describe('notifications of S3', () => {
  const put = (key: string, sequencer: string, rest: object = {}) => ({
    ...{ eventVersion: '2.1', eventSource: 'aws:s3', awsRegion: 'us-east-1', eventName: 'ObjectCreated:Put' },
    eventTime: new Date().toISOString(),
    responseElements: { 'x-amz-request-id': randomUUID() },
    s3: {
      bucket: { name: 'b', arn: 'a' },
      object: { key, size: 1, eTag: 'e', sequencer },
      configurationId: 'c',
    },
    ...rest,
  });
  const Put = z.strictObject({
    ...{ eventName: z.string(), bucket: z.string(), key: z.string(), sequencer: z.string() },
    ...{ size: z.int(), eTag: z.string(), versionId: z.optional(z.string()) },
  });
  const keys: string[] = [];
  const world = (decode: Decode | Decode[]) =>
    decodingWorld(decode, {
      schema: Put as never,
      key: ({ body }) => {
        const { bucket, key, sequencer } = body as unknown as z.infer<typeof Put>;
        keys.push(key);
        return `${bucket}/${key}/${sequencer}`;
      },
    });

  test('a copy is recognised, directly and through SNS, and keys are as the object has them', async () => {
    const { run, acted, letters } = await world([snsEnvelope(), s3Notification()]);
    const key = 'a+b%2Bc/%C3%A4%F0%9F%98%80';
    for (const body of [
      { Records: [put(key, '0055AED6DCD90281E5')] },
      { Records: [put(key, '0055AED6DCD90281E5')] },
      sns({ Records: [put(key, '0055AED6DCD90281E5')] }),
      { Records: [put(key, '0055AED6DCD90281E6')] },
    ])
      await run(record({ body }));
    expect(await letters()).toEqual([]);
    expect(await acted()).toBe(2);
    expect(new Set(keys)).toEqual(new Set(['a b+c/ä😀']));
  });

  test('several records in one message, and keys that are no key, are rejected with the reason', async () => {
    const { run, letters } = await world(s3Notification());
    await run(record({ body: { Records: [put('a', '1'), put('b', '2')] } }));
    await run(record({ body: { Records: [put('%', '1')] } }));
    expect((await letters()).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^RejectMessage: the notification has 2 records, and one is allowed/),
      'RejectMessage: the key of the object is not URL-encoded',
    ]);
  });
});

describe('events of the outbox are recognised through every target', () => {
  const Event = cloudEvent(z.object({ cents: z.int() }));
  const arnOf = async (QueueUrl: string) =>
    (await queue.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] })))
      .Attributes?.['QueueArn'] ?? '';
  const eventOf = (version: string) => {
    const event = {
      ...{ specversion: '1.0', id: `1/ada/${version}`, source: 'payments', type: 'Settled', subject: 'ada' },
      ...{
        time: '2026-01-01T00:00:00.000Z',
        datacontenttype: 'application/json',
        epoch: '1',
        aggregate: 'ada',
      },
      ...{ version, firstenqueue: '2026-01-01T00:00:00.000Z', data: { cents: 5 } },
    };
    return {
      ...{
        stream: '["payments","1","ada"]',
        version: BigInt(version),
        event: JSON.stringify(event),
      },
      ...{ source: 'payments', type: 'Settled', time: event.time, group: 'ada', deduplicationId: version },
    };
  };

  test('queue, topic with and without raw delivery, and bus: three events, each acts once', async () => {
    const urls = await Promise.all([1, 2, 3, 4].map(() => newQueue(queue, false)));
    const [direct = '', raw = '', wrapped = '', bus = ''] = urls;
    const { TopicArn = '' } = await topics.send(new CreateTopicCommand({ Name: `t-${randomUUID()}` }));
    for (const [url, RawMessageDelivery] of [
      [raw, 'true'],
      [wrapped, 'false'],
    ] as const)
      await topics.send(
        new SubscribeCommand({
          ...{ TopicArn, Protocol: 'sqs', Endpoint: await arnOf(url), Attributes: { RawMessageDelivery } },
        }),
      );
    const EventBusName = `b-${randomUUID()}`;
    await buses.send(new CreateEventBusCommand({ Name: EventBusName }));
    await buses.send(
      new PutRuleCommand({ EventBusName, Name: 'r', EventPattern: JSON.stringify({ source: ['payments'] }) }),
    );
    await buses.send(
      new PutTargetsCommand({ EventBusName, Rule: 'r', Targets: [{ Id: 'q', Arn: await arnOf(bus) }] }),
    );
    for (const version of ['1', '2', '3'])
      for (const target of [
        queueTarget({ queueUrl: direct, client: queue }),
        topicTarget({ topicArn: TopicArn, client: topics }),
        eventBusTarget({ eventBusName: EventBusName, client: buses }),
      ])
        expect(await target.send([eventOf(version)], { signal: new AbortController().signal })).toEqual(
          new Map(),
        );

    const [receipts, sums, deadLetterQueueUrl] = await Promise.all([
      newTable(client, 'id'),
      newTable(client, 'id'),
      newQueue(queue, false),
    ]);
    const types: (string | undefined)[] = [];
    const handler = sqsConsumer({
      settings: {
        ...{
          consumerName: 'c',
          dedupTable: receipts.name,
          receiptRetentionSeconds: 3600,
          deadLetterQueueUrl,
        },
      },
      decode: [snsEnvelope(), eventBridgeEnvelope()],
      schema: Event,
      key: ({ body }) => `${body.source} ${body.id}`,
      handle: ({ body, attributes }, tx) => {
        types.push(attributes.type);
        tx.update(sums, { id: body.aggregate }, { add: { cents: body.data.cents } });
      },
      ...{ dynamodb: client, sqs: queue, observe: () => {} },
    });
    for (const url of [wrapped, bus, raw, direct]) {
      const messages = await drain(queue, url);
      expect(messages).toHaveLength(3);
      for (const { Body, MessageAttributes = {} } of messages) {
        const messageAttributes = Object.fromEntries(
          Object.entries(MessageAttributes).map(([name, { DataType, StringValue }]) => [
            name,
            { dataType: DataType as 'String', stringValue: StringValue },
          ]),
        );
        const event = { Records: [record({ body: Body, messageAttributes })] };
        expect(await handler(event, { getRemainingTimeInMillis: () => 30_000 })).toEqual({
          batchItemFailures: [],
        });
      }
    }
    expect(await drain(queue, deadLetterQueueUrl)).toEqual([]);
    expect((await row(client, sums, { id: 'ada' }))?.cents).toBe(15);
    // Those of the default delivery were the first, and their attributes were in the envelope.
    expect(types.slice(0, 3)).toEqual(['Settled', 'Settled', 'Settled']);
  });
});
