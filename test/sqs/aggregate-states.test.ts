import * as z from 'zod/mini';
import { ignore, sqsAggregateConsumer, type SqsAggregateConsumerOptions } from '../../runtime/sqs/index.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
let receipts: Table;
let purses: Table;
let channel: TestChannel;
beforeEach(async () => {
  [receipts, purses, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue, false),
  ]);
});
afterAll(() => {
  client.destroy();
  queue.destroy();
});

const Paid = z.object({ purse: z.string(), n: z.string() });
type State = Record<string, unknown>;
type Options = SqsAggregateConsumerOptions<typeof Paid, State>;

/** A new instance of the consumer. */
const instance = (reduce: Options['reduce'], overrides: Partial<Options> = {}) =>
  sqsAggregateConsumer<typeof Paid, State>({
    settings: {
      consumerName: 'purse',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
    },
    schema: Paid,
    table: purses,
    aggregate: ({ body }) => ({ name: body.purse }),
    version: ({ body }) => ({ source: 'till', version: body.n }),
    reduce,
    dynamodb: client,
    sqs: queue,
    observe: () => undefined,
    ...overrides,
  });

/** Each version by itself, or all in one batch. */
async function deliver(versions: readonly number[], handler: () => Options['reduce'], together: boolean) {
  const one = instance(handler());
  for (const n of versions) {
    await send(queue, channel.queueUrl, { purse: 'p', n: String(n) });
    if (!together) await pump(queue, channel, one, { batches: 10 });
  }
  if (together) await pump(queue, channel, one, { batches: 10 });
}
const state = async () => row(client, purses, { name: 'p' });
const letters = async () => (await drain(queue, channel.deadLetterQueueUrl)).length;

const ofOrders = [
  ['in order', [1, 2, 3, 4]],
  ['backwards, so that all but the last to come are parked', [4, 3, 2, 1]],
] as const;

describe.each([false, true])('all in one batch: %s', (together) => {
  test.each(ofOrders)(
    'what a reducer ignores changes nothing, and the stream goes on behind it: %s',
    async (_what, versions) => {
      const reduce: Options['reduce'] = ({ log } = { log: '' }, { body: { n } }) => {
        if (n === '2') throw ignore('none of ours');
        return { log: `${log as string}${n} ` };
      };
      await deliver(versions, () => reduce, together);
      // A copy of the one that was ignored is a copy.
      await deliver([2, 3], () => reduce, together);
      expect([(await state())?.log, await letters()]).toEqual(['1 3 4 ', 0]);
    },
  );

  test.each(ofOrders)(
    'a set that a reducer adds to holds all that was added: %s',
    async (_what, versions) => {
      const reduce: Options['reduce'] = (before = { tags: new Set(['0']) }, { body: { n } }) => ({
        tags: (before.tags as Set<string>).add(n),
      });
      await deliver(versions, () => reduce, together);
      expect((await state())?.tags).toEqual(new Set(['0', '1', '2', '3', '4']));
    },
  );

  test.each(ofOrders)('bytes that a reducer changes in place are written: %s', async (_what, versions) => {
    const reduce: Options['reduce'] = (before = { deep: { bits: new Uint8Array(5) } }, { body: { n } }) => {
      const { deep } = before as { deep: { bits: Uint8Array } };
      deep.bits[Number(n)] = 1;
      return before;
    };
    await deliver(versions, () => reduce, together);
    expect((await state())?.deep).toEqual({ bits: new Uint8Array([0, 1, 1, 1, 1]) });
  });

  test('a buffer that the reducer keeps, and fills anew, does not change what it has made of it before', async () => {
    const buffer = new Uint8Array(1);
    const reduce: Options['reduce'] = (before = {}, { body: { n } }) => {
      buffer[0] = Number(n);
      return { ...before, [`of${n}`]: buffer };
    };
    await deliver([1, 2, 3], () => reduce, together);
    const { of1, of2, of3 } = (await state()) ?? {};
    expect([of1, of2, of3]).toEqual([1, 2, 3].map((n) => new Uint8Array([n])));
  });

  test('a reducer that throws after it has changed what can be changed leaves nothing behind', async () => {
    let fails = true;
    const reduce: Options['reduce'] = (
      before = { tags: new Set(['0']), bits: new Uint8Array(4) },
      { body: { n } },
    ) => {
      (before.tags as Set<string>).add(n);
      (before.bits as Uint8Array)[Number(n)]! += 1;
      if (n === '2' && fails) {
        fails = false;
        throw new Error('not now');
      }
      return { ...before };
    };
    await deliver([1, 2, 3], () => reduce, together);
    expect(await state()).toMatchObject({
      tags: new Set(['0', '1', '2', '3']),
      bits: new Uint8Array([0, 1, 1, 1]),
    });
  });
});

test.each([1 / 9_000_000, 1.5e-9, -1 / 7e8, 0.1 + 0.2])(
  'a number of many digits is a number for the next instance, too: %p',
  async (step) => {
    let sum = 0;
    for (const n of [1, 2, 3]) {
      sum += step;
      await deliver(
        [n],
        () =>
          ({ x } = { x: 0 }) => ({ x: (x as number) + step }),
        false,
      );
    }
    expect((await state())?.x).toBe(sum);
  },
);

test.each([
  ['first', [0, 1]],
  ['late', [1, 0]],
])(
  'R45: a version 0 that comes %s is refused where counts start at 1, and not taken for a copy',
  async (_, versions) => {
    await deliver(
      versions,
      () =>
        ({ log } = { log: '' }, { body: { n } }) => ({ log: `${log as string}${n} ` }),
      false,
    );
    expect([(await state())?.log, await letters()]).toEqual(['1 ', 1]);
  },
);

test('who counts from 0, and says so, loses nothing', async () => {
  const handler = instance(({ log } = { log: '' }, { body: { n } }) => ({ log: `${log as string}${n} ` }), {
    startAt: () => '0',
  });
  for (const n of [1, 0, 2]) {
    await send(queue, channel.queueUrl, { purse: 'p', n: String(n) });
    await pump(queue, channel, handler, { batches: 3 });
  }
  expect([(await state())?.log, await letters()]).toEqual(['0 1 2 ', 0]);
});
