import type { SQSMessageAttributes } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsAggregateConsumer,
  type BatchSummary,
  type DeadLetter,
  type SqsAggregateConsumerOptions,
} from '../../runtime/sqs/index.js';
import { listGroups, type StoppedGroup } from '../../runtime/dynamodb/groups.js';
import { resumeGroup, skipHead } from '../../runtime/sqs/decide.js';
import { RejectMessage, type Table } from '../../runtime/dynamodb/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let purses: Table;
let channel: TestChannel;
let refuse: Record<string, Error>;

beforeEach(async () => {
  [receipts, purses, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue, false),
  ]);
  refuse = {};
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Paid = z.object({ purse: z.string(), n: z.string() });
type Options = SqsAggregateConsumerOptions<typeof Paid, { log: string }>;

/** A consumer that appends each message to the text of its purse, unkeyed. */
function consumer(overrides: Partial<Options> = {}, settings: Partial<Options['settings']> = {}) {
  const summaries: BatchSummary[] = [];
  const handler = sqsAggregateConsumer<typeof Paid, { log: string }>({
    settings: {
      consumerName: 'purse',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
      ...settings,
    },
    schema: Paid,
    table: purses,
    aggregate: ({ body }) => ({ name: body.purse }),
    version: ({ body }) => ({ source: 'till', version: body.n }),
    reduce: (state = { log: '' }, { body }) => {
      const error = refuse[body.n];
      if (error !== undefined) throw error;
      return { log: `${state.log}${body.n} ` };
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  return { handler, summaries };
}

const pay = async (n: number | string, group?: string) =>
  send(queue, channel.queueUrl, { purse: 'p', n: String(n) }, group);
const log = async () => (await row(client, purses, { name: 'p' }))?.log;
const letters = async () =>
  (await drain(queue, channel.deadLetterQueueUrl)).map(
    ({ Body = '', Attributes, MessageAttributes = {} }) => {
      const stringValue = MessageAttributes[deadLetterAttribute]?.StringValue ?? '';
      const attributes: SQSMessageAttributes = { [deadLetterAttribute]: { dataType: 'String', stringValue } };
      return {
        body: Body,
        group: Attributes?.MessageGroupId,
        attributes,
        letter: JSON.parse(stringValue) as DeadLetter,
      };
    },
  );
const failureTable = () => ({ client, tableName: receipts.name });
const groups = async () => {
  const found: StoppedGroup[] = [];
  for await (const group of listGroups(failureTable(), 'purse')) found.push(group);
  return found;
};
/** What a person decides about the stream that stands. */
const decided = async (reason: string) => {
  const [group] = await groups();
  return { consumerName: 'purse', stream: group?.stream ?? '', reason };
};
const poison = new RejectMessage('purse is frozen');

describe('stop, which is the default: the stream stands still in its aggregate', () => {
  async function stopAtSecond() {
    refuse = { 2: poison };
    for (const n of [1, 2, 3, 4]) await pay(n);
    const made = consumer();
    await pump(queue, channel, made.handler);
    expect(await log()).toBe('1 ');
    return made;
  }

  test('it is listed with its head, and a redrive of the head makes it go on', async () => {
    const { handler, summaries } = await stopAtSecond();
    expect(summaries.reduce((sum, { stopped }) => sum + stopped, 0)).toBe(1);
    expect(await groups()).toMatchObject([
      { kind: 'aggregate', state: 'stopped', reason: 'RejectMessage: purse is frozen', head: {} },
    ]);
    const [dead] = await letters();
    expect(dead?.letter).toMatchObject({ kind: 'rejected', position: { sequence: '2' } });
    refuse = {};
    await send(queue, channel.queueUrl, dead?.body);
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 2 3 4 ');
    expect(await groups()).toEqual([]);
  });

  test('resume tries the head again', async () => {
    await stopAtSecond();
    const decision = await decided('mended');
    refuse = {};
    await resumeGroup(failureTable(), queue, decision);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe('1 2 3 4 ');
    expect(await groups()).toEqual([]);
  });

  test('R53: on FIFO a stream that stands still holds up no message of its group, and resume brings all of them', async () => {
    channel = await newChannel(queue, true);
    refuse = { 1: poison };
    const numbers = Array.from({ length: 80 }, (_, i) => i + 1);
    for (const n of numbers) await pay(n, 'g');
    const { handler } = consumer();
    // Those that are handed back stay hidden, and their group with them, as they do after a backoff.
    await pump(queue, channel, handler, { again: false });
    const decision = await decided('mended');
    refuse = {};
    await resumeGroup(failureTable(), queue, decision);
    await pump(queue, channel, handler);
    expect(await log()).toBe(numbers.map((n) => `${n} `).join(''));
  });

  test('R23: one that was parked is listed, too, where the answer of the write that stops its stream is lost', async () => {
    refuse = { 2: poison };
    await pay(2);
    await pump(queue, channel, consumer().handler);
    await pay(1);
    const cut = dynamo();
    let updates = 0;
    cut.middlewareStack.add((next) => async (args) => {
      const answer = await next(args);
      const { TableName, UpdateExpression } = args.input as { TableName?: string; UpdateExpression?: string };
      // The first one applies version 1, the second one stops the stream at version 2.
      if (TableName === purses.name && UpdateExpression !== undefined && (updates += 1) === 2)
        throw new Error('the answer is lost');
      return answer;
    });
    await pump(queue, channel, consumer({ dynamodb: cut }).handler);
    cut.destroy();
    expect(updates).toBeGreaterThanOrEqual(2);
    expect(await log()).toBe('1 ');
    expect(await groups()).toMatchObject([
      { kind: 'aggregate', state: 'stopped', reason: 'RejectMessage: purse is frozen' },
    ]);
    const decision = await decided('mended');
    refuse = {};
    await resumeGroup(failureTable(), queue, decision);
    await pump(queue, channel, consumer().handler);
    expect(await log()).toBe('1 2 ');
    expect(await groups()).toEqual([]);
  });

  test('skip moves the position over the head, and a late redrive of it acts once', async () => {
    await stopAtSecond();
    const decision = await decided('never mind');
    await skipHead(failureTable(), queue, decision);
    const { handler } = consumer();
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 3 4 ');
    expect(await groups()).toEqual([]);
    refuse = {};
    for (let i = 0; i < 2; i += 1) await pay(2);
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 3 4 2 ');
  });
});

describe('skip: the position moves on', () => {
  test('those behind act, and the hole acts once when its dead letter comes back', async () => {
    refuse = { 2: poison };
    for (const n of [1, 2, 3]) await pay(n);
    const { handler } = consumer({}, { onFailure: 'skip' });
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 3 ');
    const [dead] = await letters();
    refuse = {};
    for (let i = 0; i < 2; i += 1)
      await send(queue, channel.queueUrl, dead?.body, undefined, dead?.attributes);
    // Another instance, which has to read what the first one wrote.
    await pump(queue, channel, consumer({}, { onFailure: 'skip' }).handler);
    expect(await log()).toBe('1 3 2 ');
  });

  test('R23: events that were parked and fail when their turn comes are dead letters with their payload', async () => {
    refuse = { 2: poison, 3: poison, 5: poison };
    for (const n of [5, 3, 2, 4, 6]) await pay(n);
    const { handler, summaries } = consumer({}, { onFailure: 'skip' });
    await pump(queue, channel, handler);
    await pay(1);
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 4 6 ');
    const dead = await letters();
    expect(dead.map(({ body }) => (JSON.parse(body) as { n: string }).n).sort()).toEqual(['2', '3', '5']);
    expect(dead.map(({ letter }) => letter.kind)).toEqual(['parked', 'parked', 'parked']);
    expect(summaries.reduce((sum, { dead: { parked } }) => sum + parked, 0)).toBe(3);
    refuse = {};
    for (const { body, attributes } of dead)
      for (let i = 0; i < 2; i += 1) await send(queue, channel.queueUrl, body, undefined, attributes);
    await pump(queue, channel, handler);
    expect(
      String(await log())
        .split(' ')
        .sort()
        .join(''),
    ).toBe('123456');
  });

  test('a parked event that only fails for now keeps its carrier coming', async () => {
    refuse = { 2: new Error('not now') };
    await pay(2);
    const { handler } = consumer({}, { onFailure: 'skip' });
    await pump(queue, channel, handler);
    await pay(1);
    await pump(queue, channel, handler, { batches: 3 });
    expect(await letters()).toEqual([]);
    refuse = {};
    await pump(queue, channel, handler);
    expect(await log()).toBe('1 2 ');
  });
});

describe("R4: positions from the queue's SequenceNumber, with holes", () => {
  const numbers = () => {
    const { queueUrl } = channel;
    return consumer({ version: 'sequence-number' }, { onFailure: 'skip', queueUrl }).handler;
  };
  beforeEach(async () => {
    channel = await newChannel(queue);
  });

  test('redelivery does not act again, also in another instance', async () => {
    for (const n of ['a', 'b', 'c']) await pay(n, 'p');
    const lost = numbers();
    await pump(
      queue,
      channel,
      async (event, context) => {
        await lost(event, context);
        throw new Error('the answer does not arrive');
      },
      { batches: 2 },
    );
    await pump(queue, channel, numbers());
    expect(await log()).toBe('a b c ');
  });

  test('a redriven dead letter acts only while it is a hole', async () => {
    refuse = { b: poison };
    for (const n of ['a', 'b', 'c']) await pay(n, 'p');
    await pump(queue, channel, numbers());
    expect(await log()).toBe('a c ');
    const [dead] = await letters();
    refuse = {};
    for (let i = 0; i < 3; i += 1) await send(queue, channel.queueUrl, dead?.body, 'p', dead?.attributes);
    await pay('d', 'p');
    await pump(queue, channel, numbers());
    expect(await log()).toBe('a c b d ');
  });

  test('R2: a queue that is made again under its name starts a stream of its own', async () => {
    await pay('a', 'p');
    await pump(queue, channel, numbers());
    // What a recreated queue looks like: other creation time, numbers from the beginning.
    let created = 0;
    const recreated = consumer(
      {
        version: 'sequence-number',
        sqs: {
          send: async (command: Parameters<typeof queue.send>[0]) => {
            if (command.constructor.name !== 'GetQueueAttributesCommand') return queue.send(command);
            created += 1;
            return Promise.resolve({ Attributes: { CreatedTimestamp: 'later' } });
          },
        } as unknown as typeof queue,
      },
      { onFailure: 'skip', queueUrl: channel.queueUrl },
    ).handler;
    await pay('b', 'p');
    await pump(queue, channel, async (event, context) => {
      const Records = event.Records.map((one) => ({
        ...one,
        attributes: { ...one.attributes, SequenceNumber: '1' },
      }));
      return recreated({ Records }, context);
    });
    expect(await log()).toBe('a b ');
    expect(created).toBe(1);
  });

  test('it is refused at start where a dead letter would stop the stream, or the queue is not known', () => {
    expect(() => consumer({ version: 'sequence-number' })).toThrow(/needs queueUrl.*needs onFailure 'skip'/);
  });
});
