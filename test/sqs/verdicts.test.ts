import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type ConsumerSettings,
  type DeadLetter,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import { RejectMessage, type Table, type Transaction } from '../../runtime/dynamodb/index.js';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, record, sqs } from '../fixtures/queue.js';
import { hanging, throttling, unprocessing, type PickRequest } from '../fixtures/strict.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let rows: Table;
let channel: TestChannel;
beforeEach(async () => {
  [receipts, rows, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Body = z.object({ id: z.string(), kind: z.string() });
type Body = z.infer<typeof Body>;
const settings = (more: Partial<ConsumerSettings> = {}): ConsumerSettings => ({
  consumerName: 'verdicts',
  dedupTable: receipts.name,
  receiptRetentionSeconds: 3600,
  deadLetterQueueUrl: channel.deadLetterQueueUrl,
  ...more,
});
const summaries: BatchSummary[] = [];

function consumer(
  handle: (body: Body, tx: Transaction) => unknown,
  more: Partial<ConsumerSettings> = {},
  dynamodb: DynamoDBClient = client,
): SqsConsumer {
  return sqsConsumer({
    settings: settings(more),
    schema: Body,
    key: ({ body }) => body.id,
    handle: ({ body }, tx) => handle(body, tx),
    dynamodb,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
}
const letters = async () =>
  (await drain(queue, channel.deadLetterQueueUrl)).map(
    ({ MessageAttributes = {} }) =>
      JSON.parse(MessageAttributes[deadLetterAttribute]?.StringValue ?? 'null') as DeadLetter,
  );
const balance = async () => (await row(client, rows, { name: 'ada' }))?.balance;
const context = (ms = 30_000) => ({ getRemainingTimeInMillis: () => ms });

/** Opens an account, or uses it: then it must be there. */
async function banking({ kind }: Body, tx: Transaction): Promise<void> {
  const account = await tx.get(rows, { name: 'ada' }, ['balance']);
  if (kind === 'open') tx.update(rows, { name: 'ada' }, { set: { balance: 0 } });
  else if (account === undefined) throw new RejectMessage('there is no account');
  else tx.update(rows, { name: 'ada' }, { set: { balance: Number(account.balance) + 1 } });
}

describe('R47: what is said ahead of an uncommitted predecessor is no verdict', () => {
  test('messages of one batch that read what those before them write all act, in order', async () => {
    for (const [id, kind] of ['open', 'deposit', 'deposit'].entries())
      await send(queue, channel.queueUrl, { id: String(id), kind }, 'ada');
    await pump(queue, channel, consumer(banking, { onFailure: 'stop' }));
    expect(await letters()).toEqual([]);
    expect(await balance()).toBe(2);
  });

  test('a handler that throws without having read, ahead, is asked again in its turn', async () => {
    // A memory of the instance, which the first message's commit does not wait for.
    let opened = 0;
    const handler = consumer(({ kind }, tx) => {
      if (kind === 'open') tx.update(rows, { name: 'ada' }, { set: { balance: 1 } });
      else if ((opened += 1) === 1) throw new RejectMessage('too early');
    });
    const Records = ['open', 'use'].map((kind) => record({ group: 'ada', body: { id: kind, kind } }));
    expect(await handler({ Records }, context())).toEqual({ batchItemFailures: [] });
    expect([opened, await letters()]).toEqual([2, []]);
  });

  test('the same out of parking rows, when their group is resumed', async () => {
    let poison = true;
    const handler = consumer(
      (body, tx) => {
        if (body.kind === 'poison' && poison) throw new RejectMessage('not yet');
        return body.kind === 'poison' ? undefined : banking(body, tx);
      },
      { onFailure: 'stop' },
    );
    for (const [id, kind] of ['poison', 'open', 'deposit', 'deposit'].entries())
      await send(queue, channel.queueUrl, { id: String(id), kind }, 'ada');
    await pump(queue, channel, handler);
    expect(await letters()).toHaveLength(1);
    poison = false;
    const stream = `${channel.queueArn}#ada`;
    const failures = { client, tableName: receipts.name };
    await resumeGroup(failures, queue, { consumerName: 'verdicts', stream, reason: 'mended' });
    await pump(queue, channel, handler);
    expect([await letters(), await balance()]).toEqual([[], 2]);
  });

  test('behind the first that reads nothing is prepared before it has committed', async () => {
    const seen: unknown[] = [];
    const handler = consumer(async ({ id }, tx) => {
      const before = await tx.get(rows, { name: 'ada' }, ['balance']);
      seen.push(before?.balance);
      tx.update(rows, { name: 'ada' }, { set: { balance: Number(id) } });
    });
    const Records = [1, 2, 3].map((id) => record({ group: 'ada', body: { id: String(id), kind: '' } }));
    await handler({ Records }, context());
    // Each handler ran once, on what the one before it had committed.
    expect(seen).toEqual([undefined, 1, 2]);
  });
});

describe('R45: the receipt before any verdict', () => {
  const Strict = z.object({ id: z.string(), kind: z.literal('known') });

  /**
   * Consumers whose second run on one message sees its own effect, or a schema that has become stricter, and refuses.
   */
  const ways: Record<string, (strict: boolean, refuse: () => Error) => SqsConsumer> = {
    transaction: (strict, refuse) =>
      sqsConsumer({
        settings: settings({ maxFailures: 1 }),
        schema: strict ? Strict : Body,
        key: ({ body }) => body.id,
        handle: async ({ body: { id } }, tx) => {
          if ((await tx.get(rows, { name: id }, ['times'])) !== undefined) throw refuse();
          tx.update(rows, { name: id }, { add: { times: 1 } });
        },
        dynamodb: client,
        sqs: queue,
        observe: () => undefined,
      }),
    insert: (strict, refuse) => {
      let runs = 0;
      return sqsInsertConsumer({
        settings: settings({ maxFailures: 1 }),
        schema: strict ? Strict : Body,
        table: rows,
        row: ({ body: { id } }) => {
          if ((runs += 1) > 1 && id === 'never') throw refuse();
          return { name: id, times: 1 };
        },
        dynamodb: client,
        sqs: queue,
        observe: () => undefined,
      });
    },
    aggregate: (strict, refuse) =>
      sqsAggregateConsumer<typeof Body, { times: number }>({
        settings: settings({ maxFailures: 1 }),
        schema: (strict ? Strict : Body) as typeof Body,
        table: rows,
        aggregate: ({ body }) => ({ name: body.id }),
        version: () => ({ source: 'p', version: '1' }),
        reduce: (state) => {
          if (state !== undefined) throw refuse();
          return { times: 1 };
        },
        dynamodb: client,
        sqs: queue,
        observe: () => undefined,
      }),
  };

  describe.each(Object.keys(ways))('%s way', (way) => {
    test.each<[what: string, strict: boolean, refuse: () => Error]>([
      ['throws', false, () => new Error('it is there already')],
      ['rejects', false, () => new RejectMessage('it is there already')],
      ['is refused by a schema that has become stricter', true, () => new Error('not reached')],
    ])('a copy that sees its own effect and %s is a duplicate', async (_, strict, refuse) => {
      const body = { id: 'm', kind: 'old' };
      const first = record({ group: 'g', body });
      const again = { ...first, attributes: { ...first.attributes, ApproximateReceiveCount: '2' } };
      await ways[way]?.(false, refuse)({ Records: [first] }, context());
      // Delivered again, because its acknowledgement was lost; and sent again by the producer.
      for (const copy of [again, record({ group: 'g', body })]) {
        const answer = await ways[way]?.(strict, refuse)({ Records: [copy] }, context());
        expect(answer).toEqual({ batchItemFailures: [] });
      }
      expect(await letters()).toEqual([]);
      expect(await row(client, rows, { name: 'm' })).toMatchObject({ times: 1 });
    });
  });
});

describe("R44: a dependency's failure is nobody's", () => {
  const slow: PickRequest = (command, input) =>
    JSON.stringify(input).includes(rows.name) &&
    ['GetItemCommand', 'BatchGetItemCommand', 'TransactWriteItemsCommand', 'UpdateItemCommand'].includes(
      command,
    );

  test('throttled reads of a handler, and throttled commits, are excused however often, and never dead-lettered', async () => {
    let isDown = true;
    const throttled = throttling(dynamo({ maxAttempts: 1 }), (...request) => isDown && slow(...request));
    const reading = consumer(banking, { maxFailures: 1 }, throttled);
    const writing = consumer(
      (_, tx) => tx.update(rows, { name: 'bob' }, { add: { times: 1 } }),
      { maxFailures: 1 },
      throttled,
    );
    const [a, b] = ['ada', 'bob'].map((group) => record({ group, body: { id: group, kind: 'open' } }));
    for (let time = 1; time <= 4; time += 1) {
      const at = (one: typeof a) => ({
        ...(one ?? record({ body: {} })),
        attributes: { ...one?.attributes, ApproximateReceiveCount: String(time) } as never,
      });
      const back = await reading({ Records: [at(a)] }, context(1_500));
      expect(back.batchItemFailures).toHaveLength(1);
      expect((await writing({ Records: [at(b)] }, context(1_500))).batchItemFailures).toHaveLength(1);
    }
    expect(summaries.slice(-8).map(({ excused }) => excused)).toEqual(Array.from({ length: 8 }, () => 1));
    expect(await letters()).toEqual([]);
    isDown = false;
    await reading({ Records: [a ?? record({ body: {} })] }, context());
    await writing({ Records: [b ?? record({ body: {} })] }, context());
    expect([await balance(), await row(client, rows, { name: 'bob' })]).toMatchObject([0, { times: 1 }]);
    throttled.destroy();
  });

  test.each<[what: string, hangs: PickRequest, reads: boolean]>([
    [
      'commit',
      (command, input) => command === 'TransactWriteItemsCommand' && JSON.stringify(input).includes('slow'),
      false,
    ],
    [
      'read of a handler',
      (command, input) => command === 'GetItemCommand' && JSON.stringify(input).includes('"slow"'),
      true,
    ],
  ])(
    'a %s that hangs does not take the answer along: it comes in time, and blames nobody',
    async (_, hangs, reads) => {
      const hung = hanging(dynamo({ maxAttempts: 1 }), hangs);
      const handler = consumer(
        async ({ id }, tx) => {
          if (id === 'slow' && reads) await tx.get(rows, { name: 'slow' }, ['times']);
          tx.update(rows, { name: id }, { add: { times: 1 } });
        },
        { maxFailures: 1 },
        hung,
      );
      await handler({ Records: [record({ group: 'a', body: { id: 'a', kind: '' } })] }, context());
      const again = record({ group: 'a', body: { id: 'a', kind: '' }, receiveCount: 2 });
      const slow = record({ group: 'slow', body: { id: 'slow', kind: '' } });
      const began = Date.now();
      const time = { getRemainingTimeInMillis: () => 3_000 - (Date.now() - began) };
      const { batchItemFailures } = await handler({ Records: [again, slow] }, time);
      expect(time.getRemainingTimeInMillis()).toBeGreaterThan(0);
      // What had been committed is acknowledged.
      expect(batchItemFailures).toEqual([{ itemIdentifier: slow.messageId }]);
      expect(await letters()).toEqual([]);
      expect(await row(client, rows, { name: 'a' })).toMatchObject({ times: 1 });
      expect(await row(client, rows, { name: 'slow' })).toBeUndefined();
      hung.destroy();
    },
  );
});

test('R48: a group whose state could not be read lets nothing pass, and other groups act', async () => {
  let blind = false;
  const half = unprocessing(
    dynamo({ maxAttempts: 1 }),
    (_, one) => blind && JSON.stringify(one).includes('#stopped'),
  );
  const handler = consumer(
    ({ id, kind }, tx) => {
      if (kind === 'poison') throw new RejectMessage('not yet');
      tx.update(rows, { name: id }, { add: { times: 1 } });
    },
    { onFailure: 'stop' },
    half,
  );
  await send(queue, channel.queueUrl, { id: 'head', kind: 'poison' }, 'stopped');
  await pump(queue, channel, handler);
  blind = true;
  const of = (group: string) => ({
    ...record({ group, body: { id: group, kind: '' } }),
    eventSourceARN: channel.queueArn,
  });
  const Records = [of('stopped'), of('open')];
  const { batchItemFailures } = await handler({ Records }, context(4_000));
  expect(batchItemFailures).toEqual([{ itemIdentifier: Records[0]?.messageId }]);
  expect(await row(client, rows, { name: 'stopped' })).toBeUndefined();
  expect(await row(client, rows, { name: 'open' })).toMatchObject({ times: 1 });
  half.destroy();
});

test('R48: whether any group was ever stopped could not be read: the groups are asked, and what flows acts', async () => {
  const blind = throttling(
    dynamo({ maxAttempts: 1 }),
    (command, input) => command === 'GetItemCommand' && JSON.stringify(input).includes('!gate'),
  );
  const handler = consumer(({ id }, tx) => tx.update(rows, { name: id }, { add: { times: 1 } }), {}, blind);
  const Records = [record({ group: 'g', body: { id: 'a', kind: '' } })];
  expect(await handler({ Records }, context())).toEqual({ batchItemFailures: [] });
  expect(await row(client, rows, { name: 'a' })).toMatchObject({ times: 1 });
  blind.destroy();
});
