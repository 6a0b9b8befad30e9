import { marshall } from '@aws-sdk/util-dynamodb';
import {
  InvalidWrite,
  Transaction,
  TransactionTooLarge,
  UnserialisableValue,
} from '../../runtime/dynamodb/index.js';
import { eventBytes, outbox } from '../../runtime/outbox/index.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import { newTable } from '../fixtures/dynamo.js';
import { emptied } from '../fixtures/emptied.js';
import { limits, unit } from '../fixtures/units.js';
import {
  client,
  accounts,
  payments,
  store,
  stored,
  envelopes,
  publish,
  outcomeOf,
  name,
} from './publishing.js';

test('names: composite keys, groups that SQS does not take, and whatever text a name may hold', async () => {
  const pairs = await newTable(client, 'a', 'b');
  const fill = (tx: Transaction) => {
    const type = 'Named';
    tx.publish(payments, {
      aggregate: { table: pairs, key: { a: 'x', b: '#' }, kind: 'a' },
      type,
      data: null,
    });
    tx.publish(payments, {
      aggregate: { table: accounts, key: { name: name('names') }, name: '__proto__/"ü 😀', kind: 'b' },
      type,
      data: 'text',
    });
  };
  expect((await outcomeOf(unit(name('names'), fill))).kind).toBe('processed');
  const rows = await stored();
  expect(rows.map(({ stream }) => String(stream))).toEqual([
    JSON.stringify(['payments', '1', 'a', '["x","#"]']),
    JSON.stringify(['payments', '1', 'b', '__proto__/"ü 😀']),
  ]);
  expect(rows.map((item) => relayed(readRow(marshall(item))).group)).toEqual([
    '["x","#"]',
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ]);
  expect((await envelopes()).map(({ data }) => data)).toEqual([null, 'text']);
});

test('what is empty or says itself what it is in JSON is published', () => {
  const data = {
    none: {},
    bare: Object.create(null) as object,
    list: [],
    on: new Date(0),
    bytes: Buffer.from('a'),
  };
  const aggregate = { table: accounts, key: { name: 'a' } };
  expect(() => new Transaction().publish(payments, { aggregate, type: 'T', data })).not.toThrow();
});

describe('refused in the handler, before anything is sent', () => {
  const event = (rest: object = {}) => ({
    aggregate: { table: accounts, key: { name: 'a' } },
    type: 'T',
    data: {},
    ...rest,
  });
  test.each<[string, (tx: Transaction) => void, new (...given: never[]) => Error]>([
    ['an empty type', (tx) => tx.publish(payments, event({ type: '' })), InvalidWrite],
    ['an empty group', (tx) => tx.publish(payments, event({ group: '' })), InvalidWrite],
    [
      'a time that is none',
      (tx) => tx.publish(payments, event({ time: new Date(Number.NaN) })),
      InvalidWrite,
    ],
    [
      'data that JSON cannot hold',
      (tx) => tx.publish(payments, event({ data: Number.NaN })),
      UnserialisableValue,
    ],
    ...(
      [
        ['a map', () => new Map([['cents', 5]])],
        ['a set, further in', () => ({ lines: [new Set([1])] })],
        ['what was not waited for', () => ({ cents: Promise.resolve(5) })],
        ['an error', () => new Error('lost')],
        ['a number in a box', () => Object(5) as object],
      ] satisfies [string, () => unknown][]
    ).map(([what, data]): [string, (tx: Transaction) => void, new (...given: never[]) => Error] => [
      `data of which JSON holds nothing: ${what}`,
      (tx) => tx.publish(payments, event({ data: data() })),
      UnserialisableValue,
    ]),
    ...['Settled\u0001', 'Settled\uffff', 'a\u007f'.slice(0, 1) + '\u001b[2J'].map(
      (type): [string, (tx: Transaction) => void, new (...given: never[]) => Error] => [
        `the type ${JSON.stringify(type)}, which queues and topics do not take as an attribute`,
        (tx) => tx.publish(payments, event({ type })),
        InvalidWrite,
      ],
    ),
    [
      'an event that is too large once its characters are written as queues and topics take them',
      (tx) => tx.publish(payments, event({ data: '\uffff'.repeat(80_000) })),
      InvalidWrite,
    ],
    ...emptied.map(([what, make]): [string, (tx: Transaction) => void, typeof UnserialisableValue] => [
      `data in which JSON empties ${what}`,
      (tx) => tx.publish(payments, event({ data: { rows: [make()] } })),
      UnserialisableValue,
    ]),
    ['no data', (tx) => tx.publish(payments, event({ data: undefined })), UnserialisableValue],
    ['data over the limit', (tx) => tx.publish(payments, event({ data: 'x'.repeat(350_000) })), InvalidWrite],
    [
      'a name over the limit',
      (tx) =>
        tx.publish(
          payments,
          event({ aggregate: { table: accounts, key: { name: 'a' }, name: 'x'.repeat(1_025) } }),
        ),
      InvalidWrite,
    ],
    [
      'a kind with a slash',
      (tx) =>
        tx.publish(payments, event({ aggregate: { table: accounts, key: { name: 'a' }, kind: 'a/b' } })),
      InvalidWrite,
    ],
    [
      'names that make no key together',
      (tx) => {
        const long = 'x'.repeat(1_020);
        tx.publish(
          payments,
          event({ aggregate: { table: accounts, key: { name: 'a' }, name: long, kind: long } }),
        );
      },
      InvalidWrite,
    ],
    [
      'an event that some target might not take, unless it is said that all of them do',
      (tx) => tx.publish(payments, event({ data: 'x'.repeat(262_000) })),
      InvalidWrite,
    ],
    [
      'an event that no channel of the outbox takes',
      (tx) => tx.publish(outbox({ ...payments, maxEventBytes: 400 }), event({ data: 'x'.repeat(200) })),
      InvalidWrite,
    ],
    [
      'more than 100 actions',
      (tx) => {
        for (let i = 0; i < 100; i += 1) publish(tx, `a-${i}`);
      },
      TransactionTooLarge,
    ],
  ])('%s', (_, fill, error) => {
    expect(() => fill(new Transaction())).toThrow(error);
  });

  test('but where all targets take more, so does the outbox, and by itself what every target takes', () => {
    const large = outbox({ ...payments, maxEventBytes: eventBytes.sqs });
    expect(() => new Transaction().publish(large, event({ data: 'x'.repeat(340_000) }))).not.toThrow();
    expect(() => new Transaction().publish(payments, event({ data: 'x'.repeat(257_000) }))).not.toThrow();
  });

  test('but 99 events of one aggregate fit, and so they do at the engine', async () => {
    const key = name('most');
    const fill = (tx: Transaction) => {
      for (let i = 0; i < 99; i += 1) publish(tx, key);
    };
    expect((await outcomeOf(unit(key, fill))).kind).toBe('processed');
    expect(await stored()).toHaveLength(99);
  });

  test('events of many messages are packed within the limits', async () => {
    const key = name('limits');
    const units = Array.from({ length: 8 }, (_, i) =>
      unit(`${key}-${i}`, (tx) => {
        for (let n = 0; n < 30; n += 1) publish(tx, key);
      }),
    );
    const outcomes = await store.commit(units, limits());
    expect(units.map((one) => outcomes.get(one)?.kind)).toEqual(units.map(() => 'processed'));
    expect(await stored()).toHaveLength(240);
  });
});

test('an outbox without a table, a source or an epoch does not start', () => {
  expect(() => outbox({ table: '', source: '', epoch: 'a/b' })).toThrow(
    /table of the outbox is empty.*source.*epoch/,
  );
});
