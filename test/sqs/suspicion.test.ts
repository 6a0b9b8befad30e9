import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type DeadLetter,
} from '../../runtime/sqs/index.js';
import { RejectMessage, table } from '../../runtime/dynamodb/index.js';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { Mortal, type Habitat } from '../fixtures/mortal.js';
import { drain, record, sqs } from '../fixtures/queue.js';
import { newChannel, pump, send } from '../fixtures/channel.js';
import { throttling } from '../fixtures/strict.js';

const Body = z.object({ id: z.string(), group: z.string() });
type Body = z.infer<typeof Body>;
const effects = table({ name: Mortal.effects, partitionKey: 'name' });

interface Play {
  readonly onFailure?: 'skip' | 'stop';
  readonly observe?: (summary: BatchSummary) => void;
  /** What a message does instead of acting. */
  readonly instead: (id: string, habitat: Habitat) => void;
}

function consumerOf({ onFailure = 'skip', observe = () => undefined, instead }: Play, habitat: Habitat) {
  const { dynamodb, sqs, deadLetterQueueUrl } = habitat;
  return sqsConsumer({
    settings: {
      consumerName: 'mortal',
      dedupTable: Mortal.receipts,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
      onFailure,
    },
    schema: Body,
    key: ({ body }) => body.id,
    handle: ({ body: { id, group } }, tx) => {
      instead(id, habitat);
      tx.update(effects, { name: id }, { add: { times: 1 }, set: { group } });
    },
    dynamodb,
    sqs,
    observe,
  });
}

function world(play: Play, fifo = true) {
  const mortal = new Mortal({ fifo, consumer: (habitat) => consumerOf(play, habitat) });
  return {
    mortal,
    send: (...bodies: readonly Body[]) => {
      for (const body of bodies) mortal.queue.send({ text: JSON.stringify(body), group: body.group });
    },
    /** How often each message acted. */
    acted: () =>
      Object.fromEntries(
        mortal.dynamo.tables
          .get(Mortal.effects)
          .items.map(({ name, times }) => [name?.S ?? '', Number(times?.N)]),
      ),
    letters: () =>
      mortal.dead.drain().map(({ text, attributes }) => {
        const letter = JSON.parse(attributes?.[deadLetterAttribute]?.stringValue ?? '{}') as DeadLetter;
        return [(JSON.parse(text) as Body).id, letter.kind];
      }),
  };
}

const named = (group: string, count: number): Body[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${group}-${i + 1}`, group }));
const once = (...bodies: readonly Body[]) => Object.fromEntries(bodies.map(({ id }) => [id, 1]));

describe('in memory', () => {
  // Nobody waits for anything here but the dead, who would wake up at the end of their time, in other tests.
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** A group that stopped at its first message, with the others parked; the operator resumes it. */
  async function resumed(play: Play, others: readonly Body[]) {
    let poison = true;
    const instead: Play['instead'] = (id, habitat) => {
      if (id === 'a-1' && poison) throw new RejectMessage('not yet');
      play.instead(id, habitat);
    };
    const { mortal, ...rest } = world({ ...play, onFailure: 'stop', instead });
    rest.send(...named('a', 5));
    await mortal.run();
    expect(rest.letters()).toEqual([['a-1', 'rejected']]);
    poison = false;
    const stream = `${mortal.queue.arn}#a`;
    await mortal.operate(async ({ dynamodb, sqs }) => {
      const failures = { client: dynamodb, tableName: Mortal.receipts };
      await resumeGroup(failures, sqs, { consumerName: 'mortal', stream, reason: 'mended' });
    });
    rest.send(...others);
    await mortal.run();
    return { mortal, ...rest };
  }

  test('R46: a parked message that kills while it is drained is the one that is blamed; those before it have acted, those behind it wait', async () => {
    const others = named('b', 4);
    const { letters, acted, mortal } = await resumed(
      {
        instead: (id, { die }) => {
          if (id === 'a-3') throw die();
        },
      },
      others,
    );
    expect(mortal.deaths).toBeGreaterThanOrEqual(2);
    expect(letters()).toEqual([['a-3', 'died']]);
    expect(acted()).toEqual(once(...named('a', 2), ...others));
  });

  test('R46: while a group is drained, a killer of another group is blamed, and nobody else', async () => {
    const others = named('b', 4);
    const { letters, acted } = await resumed(
      {
        instead: (id, { die }) => {
          if (id === 'b-2') throw die();
        },
      },
      others,
    );
    expect(letters()).toEqual([['b-2', 'died']]);
    // `stop`: those behind the killer wait in their stopped group.
    expect(acted()).toEqual(once(...named('a', 5), ...others.slice(0, 1)));
  });

  test('R46: two killers of two groups are both blamed, and nobody else', async () => {
    const all = [...named('a', 3), ...named('b', 3), ...named('c', 3)];
    const { mortal, send, letters, acted } = world({
      instead: (id, { die }) => {
        if (id === 'a-2' || id === 'c-1') throw die();
      },
    });
    send(...all);
    await mortal.run();
    expect(letters().sort()).toEqual([
      ['a-2', 'died'],
      ['c-1', 'died'],
    ]);
    expect(acted()).toEqual(once(...all.filter(({ id }) => id !== 'a-2' && id !== 'c-1')));
  });

  test.each([
    [true, false],
    [false, false],
    [true, true],
  ])('R46: an observer that throws changes nothing (FIFO: %s, later: %s)', async (fifo, later) => {
    jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
    const { mortal, send, letters, acted } = world(
      {
        observe: () => {
          const down = new Error('the metrics are down');
          if (later) return Promise.reject(down) as unknown as undefined;
          throw down;
        },
        instead: (id) => {
          if (id === 'a-2') throw new RejectMessage('never');
        },
      },
      fifo,
    );
    send(...named('a', 3), ...named('b', 2));
    expect(await mortal.run()).toBe(1);
    jest.restoreAllMocks();
    expect(letters()).toEqual([['a-2', 'rejected']]);
    expect(acted()).toEqual({ 'a-1': 1, 'a-3': 1, 'b-1': 1, 'b-2': 1 });
  });

  test('R46: a process that dies after everybody acted, whenever, makes nobody suspect enough to be given up', async () => {
    const { mortal, send, letters, acted } = world({ instead: () => undefined });
    send(...named('a', 5), ...named('b', 5));
    // Nothing is acknowledged, five times in a row.
    for (let time = 0; time < 5; time += 1) await mortal.lostBatch();
    await mortal.run();
    expect(letters()).toEqual([]);
    expect(acted()).toEqual(once(...named('a', 5), ...named('b', 5)));
  });
});

const client = dynamo();
const queue = sqs();
afterAll(() => {
  client.destroy();
  queue.destroy();
});

test.each([true, false])(
  'R46: after an outage a batch of ten healthy messages costs at most twice the calls of one that comes again (FIFO: %s)',
  async (fifo) => {
    const calls: Record<number, number> = {};
    for (const receiveCount of [2, 4, 7]) {
      const [receipts, rows] = await Promise.all([newDedupTable(client), newTable(client, 'name')]);
      const summaries: BatchSummary[] = [];
      const handler = sqsConsumer({
        settings: {
          consumerName: 'outage',
          dedupTable: receipts.name,
          receiptRetentionSeconds: 3600,
          deadLetterQueueUrl: 'http://127.0.0.1/none',
        },
        schema: Body,
        key: ({ body }) => body.id,
        handle: ({ body }, tx) => tx.update(rows, { name: 'all' }, { add: { [body.id]: 1, all: 1 } }),
        dynamodb: client,
        sqs: queue,
        observe: (summary) => summaries.push(summary),
      });
      const Records = [...named('a', 3), ...named('b', 7)].map((body) =>
        record({ body, receiveCount, ...(fifo && { group: body.group }) }),
      );
      const answer = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
      expect(answer.batchItemFailures).toEqual([]);
      expect(await row(client, rows, { name: 'all' })).toMatchObject({ all: 10 });
      calls[receiveCount] = summaries.at(-1)?.calls ?? Infinity;
    }
    expect(Math.max(calls[4] ?? Infinity, calls[7] ?? Infinity)).toBeLessThanOrEqual(2 * (calls[2] ?? 0));
  },
);

const browned = ['transaction', 'insert', 'aggregate'] as const;

test.each(browned)(
  'R46: in a brownout, when commits and most notes fail, nobody is taken for a killer, and all act in the end (%s way)',
  async (way) => {
    const [receipts, rows, channel] = await Promise.all([
      newDedupTable(client),
      newTable(client, 'name'),
      newChannel(queue, false),
    ]);
    let isDown = true;
    let seed = 7;
    const chance = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    // One attempt, so that what the SDK tries again by itself does not make the test slow.
    const slow = throttling(dynamo({ maxAttempts: 1 }), (command, input) => {
      if (!isDown) return false;
      if (command === 'TransactWriteItemsCommand' || command === 'PutItemCommand') return true;
      if (command !== 'UpdateItemCommand') return false;
      return (input as { TableName?: string }).TableName === rows.name || chance() < 0.9;
    });
    const common = {
      settings: {
        consumerName: 'brownout',
        dedupTable: receipts.name,
        receiptRetentionSeconds: 3600,
        deadLetterQueueUrl: channel.deadLetterQueueUrl,
      },
      schema: Body,
      dynamodb: slow,
      sqs: queue,
      observe: () => undefined,
    };
    const handlers = {
      transaction: () =>
        sqsConsumer({
          ...common,
          key: ({ body }) => body.id,
          handle: ({ body }, tx) => tx.update(rows, { name: 'all' }, { add: { [body.id]: 1, all: 1 } }),
        }),
      insert: () =>
        sqsInsertConsumer({ ...common, table: rows, row: ({ body }) => ({ name: body.id, all: 1 }) }),
      aggregate: () =>
        sqsAggregateConsumer<typeof Body, { all: number }>({
          ...common,
          table: rows,
          aggregate: () => ({ name: 'all' }),
          version: ({ body }) => ({ source: 'producer', version: body.id.slice(2) }),
          reduce: (state) => ({ all: (state?.all ?? 0) + 1 }),
        }),
    };
    const handler = handlers[way]();
    for (const body of named('a', 10)) await send(queue, channel.queueUrl, body);
    await pump(queue, channel, handler, { batches: 8, remainingMs: () => 2_000 });
    isDown = false;
    await pump(queue, channel, handler);
    expect(await drain(queue, channel.deadLetterQueueUrl)).toEqual([]);
    if (way === 'insert')
      for (const { id } of named('a', 10)) expect(await row(client, rows, { name: id })).toBeDefined();
    else expect(await row(client, rows, { name: 'all' })).toMatchObject({ all: 10 });
    slow.destroy();
  },
);
