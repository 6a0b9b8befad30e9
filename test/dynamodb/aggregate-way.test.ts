import { PutItemCommand, TransactionConflictException } from '@aws-sdk/client-dynamodb';
import { RejectMessage } from '../../runtime/dedup/errors.js';
import { Meter } from '../../runtime/dedup/meter.js';
import type { Outcome } from '../../runtime/dedup/outcome.js';
import type { StartAt } from '../../runtime/dedup/stream-positions.js';
import { aggregateWay, type AggregateUnit } from '../../runtime/dynamodb/aggregate-way.js';
import { AggregateStore } from '../../runtime/dynamodb/aggregate-store.js';
import { listGaps, type Gap } from '../../runtime/dynamodb/gaps.js';
import { addressOf, type Row, type Table } from '../../runtime/dynamodb/table.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { unprocessing } from '../fixtures/strict.js';

const client = dynamo();
let purses: Table;
let receipts: Table;
/** What fails, by version, and how. */
let refuse: Record<string, Error>;

beforeEach(async () => {
  [purses, receipts] = await Promise.all([newTable(client, 'name'), newDedupTable(client)]);
  refuse = {};
});
afterAll(() => client.destroy());

interface Message {
  readonly id: string;
  readonly fingerprint: string;
  readonly version: number;
  readonly text: string;
  readonly lane: string;
}
type Source = Pick<Message, 'version' | 'text'>;
const message = (version: number, text = '', lane = `m${version}`): Message => ({
  id: `p@${version}`,
  fingerprint: `of ${text}`,
  version,
  text,
  lane,
});
const position = (sequence: number) => ({
  stream: JSON.stringify([addressOf(purses, { name: 'p' }).id, 's']),
  sequence: String(sequence),
});
const limits = (ms = 20_000) => ({ deadline: Date.now() + ms, meter: new Meter() });

const append = (state: Row | undefined, { version, text }: Source): Row => {
  const error = refuse[version];
  if (error !== undefined) throw error;
  return { log: `${(state?.log as string | undefined) ?? ''}${version}${text.length > 9 ? '' : text} ` };
};
interface Options {
  reduce?: typeof append;
  dedup?: boolean;
  gapSeconds?: number;
  startAt?: StartAt<Source>;
  dynamodb?: typeof client;
}

/** A way with a memory of its own: what one function instance is. */
function instance({ reduce = append, dedup = true, gapSeconds, startAt, dynamodb = client }: Options = {}) {
  const way = aggregateWay<Message, Source>({
    client: dynamodb,
    table: purses,
    place: ({ version }) => ({
      address: addressOf(purses, { name: 'p' }),
      stream: 's',
      version: BigInt(version),
    }),
    source: ({ version, text }) => ({ version, text }),
    carry: ({ version, text }) => JSON.stringify({ version, text }),
    restore: (carried) => JSON.parse(carried) as Source,
    reduce,
    startAt,
    gapSeconds,
    dedup: dedup ? { tableName: receipts.name, consumerName: 'purse' } : undefined,
  });
  const deliver = async (messages: readonly Message[], within = limits()) => {
    const units: AggregateUnit<Source>[] = [];
    for (const one of messages)
      units.push(await way.prepare(one, { lane: one.lane, ahead: false, limits: () => within }));
    const { outcomes, failedParked = [] } = await way.commit(units, within);
    return { outcomes: units.map((unit) => outcomes.get(unit)), failedParked };
  };
  return { way, deliver };
}
const kinds = (outcomes: readonly (Outcome | undefined)[]) => outcomes.map((outcome) => outcome?.kind);
const log = async () => (await row(client, purses, { name: 'p' }))?.log;
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);
const logOf = (versions: readonly number[]) => versions.map((version) => `${version} `).join('');
const gaps = async () => {
  const found: Gap[] = [];
  for await (const gap of listGaps({ client, tableName: receipts.name }, 'purse')) found.push(gap);
  return found;
};

describe('R50: a parked event that fails in its turn is judged itself', () => {
  const poison = new RejectMessage('purse is frozen');

  test('it is handed over with all that was kept of it, and its carrier, which has acted, comes again unblamed', async () => {
    const { deliver } = instance();
    await deliver([message(2, 'x')]);
    refuse = { 2: poison };
    const { outcomes, failedParked } = await deliver([message(1)]);
    expect(failedParked).toEqual([
      { position: position(2), carried: '{"version":2,"text":"x"}', fingerprint: 'of x', error: poison },
    ]);
    expect(outcomes).toMatchObject([{ kind: 'retry', error: { fault: 'dependency', became: 'processed' } }]);
    expect(await log()).toBe('1 ');
  });

  test('R23: stop, resume, and the next one fails: the stream stands there, and skip goes on with all that is behind', async () => {
    const { deliver, way } = instance();
    await deliver([message(1)]);
    expect(await way.positions.passOver(position(2), 'stop', limits())).toMatchObject({ stands: true });
    await deliver(upTo(80, 3).map((version) => message(version)));
    refuse = { 3: poison };
    const { failedParked } = await deliver([message(2)]);
    expect(failedParked).toMatchObject([{ position: position(3) }]);
    const stands = await instance().way.positions.passOver(position(3), 'stop', limits());
    expect(stands).toEqual({ stands: true, failedParked: [] });
    expect(kinds((await deliver([message(81)])).outcomes)).toEqual(['parked']);
    expect(await log()).toBe('1 2 ');
    refuse = { 5: poison };
    const went = await instance().way.positions.passOver(position(3), 'skip', limits());
    expect(went).toMatchObject({ stands: false, failedParked: [{ position: position(5) }] });
    refuse = {};
    await instance().way.positions.passOver(position(5), 'skip', limits());
    expect(await log()).toBe(logOf([1, 2, 4, ...upTo(81, 6)]));
    expect(kinds((await deliver([message(3), message(3), message(5)])).outcomes)).toEqual([
      'processed',
      'duplicate',
      'processed',
    ]);
  });

  test('anywhere but at the next version nothing is passed over', async () => {
    const { deliver, way } = instance();
    await deliver([message(1), message(2)]);
    for (const version of [1, 2, 4])
      for (const how of ['skip', 'stop'] as const)
        expect(await way.positions.passOver(position(version), how, limits())).toMatchObject({
          stands: false,
        });
    await deliver([message(3)]);
    expect(await log()).toBe('1 2 3 ');
  });

  test('a position of another table, or none at all, is refused', async () => {
    const { way } = instance();
    for (const stream of ['', '[]', '["[\\"other\\",\\"S:p\\"]","s"]'])
      await expect(way.positions.passOver({ stream, sequence: '1' }, 'skip', limits())).rejects.toThrow(
        RejectMessage,
      );
  });
});

describe('R53: a gap is no deadlock', () => {
  test('what does not fit into the item waits in rows, and all of it acts when the gap closes', async () => {
    const { deliver } = instance();
    const versions = upTo(300, 2).map((version) => message(version, '', 'group'));
    for (let at = 0; at < versions.length; at += 10)
      expect(new Set(kinds((await deliver(versions.slice(at, at + 10))).outcomes))).toEqual(
        new Set(['parked']),
      );
    expect(kinds((await instance().deliver([message(1)])).outcomes)).toEqual(['processed']);
    expect(await log()).toBe(logOf(upTo(300)));
    expect(kinds((await deliver([message(300)])).outcomes)).toEqual(['duplicate']);
  });

  test('R48: rows that DynamoDB leaves unprocessed are asked for again, and none is taken for absent', async () => {
    const { deliver } = instance();
    await deliver(upTo(160, 2).map((version) => message(version, '', 'group')));
    let left = 0;
    const dynamodb = unprocessing(dynamo(), () => (left += 1) % 3 === 0 && left < 600);
    const halved = instance({ dynamodb });
    let outcome: Outcome | undefined;
    for (
      let tries = 0;
      tries < 20 && outcome?.kind !== 'processed' && outcome?.kind !== 'duplicate';
      tries += 1
    )
      [outcome] = (await halved.deliver([message(1)])).outcomes;
    expect(left).toBeGreaterThan(90);
    expect(await log()).toBe(logOf(upTo(160)));
    dynamodb.destroy();
  });

  test('also where it is too large for the item, and by whatever instances in whatever order', async () => {
    const order = upTo(40, 2).sort(() => Math.random() - 0.5);
    const big = 'x'.repeat(20_000);
    await Promise.all(
      [0, 1, 2, 3].map(async (n) => {
        const { deliver } = instance();
        for (const version of order.filter((one) => one % 4 === n))
          expect(kinds((await deliver([message(version, big)])).outcomes)).toEqual(['parked']);
      }),
    );
    await instance().deliver([message(1, big)]);
    expect(await log()).toBe(logOf(upTo(40)));
  });

  test('another payload of a version that is in a row is rejected, a copy is not', async () => {
    const { deliver } = instance();
    await deliver([message(100, 'a')]);
    const { outcomes } = await instance().deliver([message(100, 'b'), message(100, 'a', 'other')]);
    expect(kinds(outcomes)).toEqual(['rejected', 'parked']);
    await deliver(upTo(99).map((version) => message(version)));
    expect(String(await log()).endsWith('99 100a ')).toBe(true);
  });

  test.each([2, 200])(
    'R45: before a verdict, version %i that is parked already is a copy, and another payload of it is not',
    async (version) => {
      const { way, deliver } = instance();
      await deliver([message(version)]);
      const recalled = async (one: Message) => (await way.recall?.([one], limits(), true))?.get(one)?.kind;
      expect(await recalled(message(version))).toBe('duplicate');
      expect(await recalled(message(version, 'other'))).toBe('rejected');
      expect(await recalled(message(version + 1))).toBeUndefined();
      expect(await recalled(message(1))).toBeUndefined();
    },
  );

  test('when there is no time for all that waits, the message that closed the gap comes again for the rest', async () => {
    const { deliver } = instance();
    await deliver(upTo(250, 2).map((version) => message(version)));
    let calls = 0;
    const slow = dynamo();
    slow.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'UpdateItemCommand') calls += 1;
          if (calls > 1) await new Promise((resolve) => setTimeout(resolve, 1_500));
          return next(args);
        },
      { step: 'initialize' },
    );
    const first = await instance({ dynamodb: slow }).deliver([message(1)], limits(1_000));
    expect(kinds(first.outcomes)).toEqual(['retry']);
    expect(await log()).not.toBe(logOf(upTo(250)));
    await instance().deliver([message(1)]);
    expect(await log()).toBe(logOf(upTo(250)));
    slow.destroy();
  });

  test('without a dedup table it waits in the queue', async () => {
    const { outcomes } = await instance({ dedup: false }).deliver([message(65), message(64)]);
    expect(outcomes[0]).toMatchObject({ kind: 'retry', error: { fault: 'dependency' } });
    expect(kinds(outcomes)).toEqual(['retry', 'parked']);
  });

  test('a gap is listed, can be skipped by its version though that never came, and is off the list then', async () => {
    const { deliver, way } = instance();
    await deliver([message(1), message(3), message(70)]);
    expect(await gaps()).toEqual([
      { consumerName: 'purse', ...position(2), waiting: '3', since: expect.any(String) },
    ]);
    await way.positions.passOver(position(2), 'skip', limits());
    expect(await log()).toBe('1 3 ');
    expect(await gaps()).toMatchObject([position(4)]);
    await deliver(upTo(69, 4).map((version) => message(version)));
    expect(await gaps()).toEqual([]);
    expect(kinds((await deliver([message(2)])).outcomes)).toEqual(['processed']);
  });

  test('a gap that is small is listed when it is old', async () => {
    const { deliver } = instance({ gapSeconds: 0 });
    await deliver([message(3)]);
    expect(await gaps()).toMatchObject([{ ...position(1), waiting: '3' }]);
    await deliver([message(1), message(2)]);
    expect(await gaps()).toEqual([]);
  });
});

describe('R44: a state that DynamoDB cannot hold costs its own event the turn, and nobody else', () => {
  test.each([
    ['NaN', () => ({ sum: NaN })],
    ['a Date', () => ({ at: new Date(0) })],
    ['a number beyond 2^53', () => ({ sum: 2 ** 60 })],
    ['a function', () => ({ later: () => 1 })],
    ['an item over 400 KB', () => ({ text: 'x'.repeat(410_000) })],
    ['an update over 4 KB', () => Object.fromEntries(upTo(900).map((n) => [`attribute${n}`, n]))],
  ])('%s', async (_, wrong) => {
    const { deliver } = instance({
      reduce: (state, source) => ({
        ...state,
        ...append(state, source),
        ...(source.version === 2 && wrong()),
      }),
    });
    const { outcomes } = await deliver([message(1), message(2), message(3)]);
    expect(kinds(outcomes)).toEqual(['processed', 'rejected', 'parked']);
    expect(await log()).toBe('1 ');
  });

  test('what only DynamoDB finds is found for its own event too', async () => {
    const picky = dynamo();
    picky.middlewareStack.add(
      (next) => async (args) => {
        const { ExpressionAttributeValues } = args.input as { ExpressionAttributeValues?: object };
        if (JSON.stringify(ExpressionAttributeValues ?? {}).includes('2 '))
          throw Object.assign(new Error('no'), { name: 'ValidationException' });
        return next(args);
      },
      { step: 'initialize' },
    );
    const { deliver } = instance({ dynamodb: picky });
    const { outcomes } = await deliver([message(1), message(2), message(3)]);
    expect(kinds(outcomes)).toEqual(['processed', 'retry', 'parked']);
    expect(outcomes[1]).toMatchObject({ error: { name: 'WriteRefused', fault: 'message' } });
    picky.destroy();
  });

  test('wide states are written in few bytes, and two events that are too wide only together act both', async () => {
    const wide = (from: number) =>
      Object.fromEntries(upTo(from + 299, from).map((n) => [`attribute${n}`, n]));
    const { deliver } = instance({ reduce: (state, { version }) => ({ ...state, ...wide(version * 300) }) });
    expect((await deliver([message(1), message(2)])).outcomes).toEqual([
      { kind: 'processed' },
      { kind: 'processed' },
    ]);
    expect(await row(client, purses, { name: 'p' })).toMatchObject({ ...wide(300), ...wide(600) });
  });

  test('the error says how many bytes there are, and how many may be', async () => {
    const { deliver } = instance({ reduce: () => ({ text: 'x'.repeat(410_000) }) });
    const { outcomes } = await deliver([message(1)]);
    const text = expect.stringMatching(/410004 bytes.*409600/);
    expect(outcomes).toMatchObject([{ error: { message: text, fault: 'message', final: true } }]);
  });
});

test('R18: a write that meets a transaction is tried again, and one that hangs is given up at the deadline', async () => {
  const busy = dynamo();
  let conflicts = 0;
  let hangs = false;
  busy.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'UpdateItemCommand' && conflicts < 3) {
          conflicts += 1;
          throw new TransactionConflictException({ message: 'ongoing', $metadata: {} });
        }
        if (hangs) await new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 2_000));
        return next(args);
      },
    { step: 'initialize' },
  );
  const { deliver } = instance({ dynamodb: busy });
  const { outcomes } = await deliver([message(1), message(2)]);
  expect(kinds(outcomes)).toEqual(['processed', 'processed']);
  hangs = true;
  expect((await deliver([message(3)], limits(300))).outcomes).toMatchObject([
    { kind: 'retry', error: { fault: 'dependency' } },
  ]);
  busy.destroy();
});

describe('R54: a stream starts where it is said, for each aggregate', () => {
  test('with the snapshot that its first event carries', async () => {
    const { deliver } = instance({ startAt: ({ text }) => text });
    expect(kinds((await deliver([message(12, '11'), message(11, '11'), message(9, '11')])).outcomes)).toEqual(
      ['parked', 'processed', 'duplicate'],
    );
  });

  test("and a first event that is dead-lettered is passed over where it stands, not where '1' would be", async () => {
    const { deliver, way } = instance({ startAt: ({ text }) => text });
    way.positions.of(message(11, '11'));
    await way.positions.passOver(position(11), 'skip', limits());
    expect(kinds((await deliver([message(12, '11')])).outcomes)).toEqual(['processed']);
  });

  test('what the selector makes that is no version costs only its own event', async () => {
    const { deliver } = instance({ startAt: ({ text }) => text });
    expect(kinds((await deliver([message(1, 'nonsense'), message(1, '1', 'other')])).outcomes)).toEqual([
      'rejected',
      'processed',
    ]);
  });
});

test('R14: items are kept warm by what they hold, not by what was written: the oldest beyond the budget are read again', async () => {
  const store = new AggregateStore({
    client,
    table: purses,
    reduce: (state) => ({ ...state, count: Number(state?.count ?? 0) + 1 }),
    start: () => 0n,
    warmBytes: 500 * 1024,
  });
  const calls = async (name: string, version: bigint): Promise<number> => {
    const event = { stream: 's', version, fingerprint: 'f', carried: '{}', lane: name };
    const within = limits();
    await store.commit(addressOf(purses, { name }), [event], within);
    return within.meter.calls;
  };
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) {
    const text = { S: 'x'.repeat(200 * 1024) };
    await client.send(new PutItemCommand({ TableName: purses.name, Item: { name: { S: name }, text } }));
    expect(await calls(name, 1n)).toBe(2);
  }
  expect(await calls('d', 2n)).toBe(1);
  expect(await calls('a', 2n)).toBe(2);
});
