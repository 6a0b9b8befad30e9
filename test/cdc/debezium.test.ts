import {
  assertDebezium,
  debezium,
  DebeziumTooOld,
  isBehind,
  sourcePosition,
  storedPosition,
  UndecodableRecord,
  type PositionParts,
  type SourcePosition,
} from '../../runtime/cdc/index.js';
import { advanced, openingPosition } from '../../runtime/cdc/position.js';
import { changeEvent, systemId, type Told } from './debezium-record.js';

const partition = { topic: 'shop.public.payments', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partition: 0 };
const decode = debezium({ systemId, timeline: 2 });
const bytes = (value: string | null) => (value === null ? null : Buffer.from(value));
const decoded = (told: Told) => {
  const { key, value } = changeEvent(told);
  return decode({ offset: 7n, key: bytes(key), value: bytes(value) }, partition);
};
const raw = (value: string | null, key: string | null = '{"id":1}') =>
  decode({ offset: 7n, key: bytes(key), value: bytes(value) }, partition);
const at = (parts: Partial<PositionParts>) =>
  sourcePosition({ systemId, timeline: 1, commitLsn: 5n, ordinal: 1n, ...parts });

describe('a change event of Debezium', () => {
  test.each([
    ['c', 'insert'],
    ['u', 'update'],
  ] as const)('%s is an %s with its key, its row and its position', (op, kind) => {
    expect(decoded({ op, after: { id: 1, v: 'x' }, commit: 24_023_128n, ordinal: 3 })).toMatchObject({
      offset: 7n,
      kind,
      key: { id: 1 },
      row: { id: 1, v: 'x' },
      position: `${systemId}/0000000002/00000000000024023128/00000000000000000003`,
    });
  });

  test('a deletion has a key and no row, and its tombstone is nothing', () => {
    const change = decoded({ op: 'd', before: { id: 1, v: null } });
    expect(change).toMatchObject({ kind: 'delete', key: { id: 1 } });
    expect(change?.row).toBeUndefined();
    expect(raw(null)).toBeUndefined();
  });

  test('a row of a snapshot has no position: it says how it was, and is no event', () => {
    const change = decoded({ op: 'r', after: { id: 1 }, commit: null, transaction: null });
    expect(change?.kind).toBe('read');
    expect(change?.position).toBeUndefined();
  });

  test('a large value that did not come is named, and is not in the row', () => {
    const after = { id: 1, note: '__debezium_unavailable_value', v: 2 };
    expect(decoded({ op: 'u', after })).toMatchObject({ row: { id: 1, v: 2 }, unchanged: ['note'] });
    expect(decoded({ op: 'u', after })?.row).not.toHaveProperty('note');
  });

  test('numbers that a double does not hold are kept, not rounded', () => {
    const { key, value } = changeEvent({ after: { id: 1, n: 0 } });
    const exact = value.replace('"n":0', '"n":9007199254740993');
    expect(decode({ offset: 7n, key: bytes(key), value: bytes(exact) }, partition)?.row).toEqual({
      id: 1,
      n: 9007199254740993n,
    });
  });

  test('with schemas it is the payload', () => {
    const { key, value } = changeEvent({ after: { id: 1 } });
    const wrapped = (json: string) => `{"schema":{"type":"struct"},"payload":${json}}`;
    expect(raw(wrapped(value), wrapped(key))).toMatchObject({ key: { id: 1 }, row: { id: 1 } });
  });

  test('heartbeats, ends of transactions and messages of the log change nothing', () => {
    expect(raw('{"ts_ms":1790000000000}')).toBeUndefined();
    expect(raw('{"status":"END","id":"571:90","event_count":2}')).toBeUndefined();
    const begin = { status: 'BEGIN', id: '571:90', event_count: null, data_collections: null, ts_ms: 1 };
    expect(raw(JSON.stringify(begin))).toBeUndefined();
    expect(decoded({ op: 'm' })).toBeUndefined();
  });

  test.each([
    ['no JSON', '{"op":"payments_secret'],
    ['no UTF-8', Buffer.from([0xff, 0xfe]).toString('latin1')],
    ['no envelope', '{"payments_secret":1}'],
    ['a row that was taken out of its envelope', '{"id":7,"status":"END","note":"payments_secret"}'],
    ['such a row of two columns', '{"id":7,"status":"paid"}'],
    ['an array', '[]'],
    ['an op of its own', changeEvent({ after: { id: 1 } }).value.replace('"op":"c"', '"op":"x"')],
    ['no row', changeEvent({ after: null }).value],
    ['a TRUNCATE', changeEvent({ op: 't' }).value],
    ['no ordinal', changeEvent({ after: { id: 'payments_secret' }, transaction: null }).value],
    ['no sequence', changeEvent({ after: { id: 1 } }).value.replace('"sequence"', '"sequel"')],
  ])('%s is refused, and the message quotes none of it', (_, value) => {
    const record = { offset: 7n, key: bytes('{"id":1}'), value: Buffer.from(value, 'latin1') };
    let thrown: unknown;
    try {
      expect(decode(record, partition)?.row).toBeDefined();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UndecodableRecord);
    expect(thrown).toMatchObject({ offset: 7n, partition, reason: 'undecodable', final: true });
    expect((thrown as Error).message).not.toContain('payments_secret');
  });

  test('a record without a key is refused, unless the key columns are named', () => {
    const { value } = changeEvent({ after: { id: 1, v: 2 } });
    expect(() => raw(value, null)).toThrow(UndecodableRecord);
    const named = debezium({ systemId, key: { [partition.topic]: ['v', 'id'] } });
    expect(named({ offset: 1n, key: null, value: bytes(value) }, partition)?.key).toEqual({ v: 2, id: 1 });
  });
});

test('an update that moves a row to another key, where the columns of the key are named, is refused', () => {
  const named = debezium({ systemId, key: { [partition.topic]: ['v'] } });
  const update = (v: number) => {
    const { value } = changeEvent({ op: 'u', before: { id: 1, v: 2 }, after: { id: 5, v } });
    return named({ offset: 1n, key: null, value: bytes(value) }, partition);
  };
  expect(update(2)).toMatchObject({ key: { v: 2 } });
  expect(() => update(3)).toThrow(UndecodableRecord);
});

test('a decimal that no double holds is not rounded, whatever it looks like', () => {
  const { key, value } = changeEvent({ after: { id: 1, n: 0 } });
  const row = (n: string) =>
    decode({ offset: 7n, key: bytes(key), value: bytes(value.replace('"n":0', `"n":${n}`)) }, partition)?.row;
  expect(row('6.6332621121664288E16')).toEqual({ id: 1, n: 66332621121664288 });
  for (const decimal of [
    '0.12345678901234567890',
    '6.63326211216642881E+16',
    '6.6332621121664288E-7',
    '1.0E400',
  ])
    expect(() => row(decimal)).toThrow(UndecodableRecord);
});

describe('a Debezium that can lose rows', () => {
  test.each([
    '3.6.1.Final',
    '3.5.2.Final',
    '2.7.0.Final',
    '3.7.0.CR1',
    '3.7.0.Beta1',
    '',
    'undefined',
    '3.7',
  ])('%s is refused', (version) => {
    expect(() => assertDebezium(version)).toThrow(DebeziumTooOld);
    expect(() => decoded({ after: { id: 1 }, version })).toThrow(DebeziumTooOld);
  });
  test.each(['3.7.0.Final', '3.7.1.Final', '3.8.0.Alpha1', '3.10.0.Final', '4.0.0.Final'])(
    '%s is accepted',
    (version) => {
      expect(() => assertDebezium(version)).not.toThrow();
    },
  );
});

describe('positions of one system', () => {
  test.each([
    ['ordinal', { ordinal: 9n }, { ordinal: 10n }],
    ['commit', { commitLsn: 9n, ordinal: 99n }, { commitLsn: 10n, ordinal: 1n }],
    ['timeline', { timeline: 9, commitLsn: 99n }, { timeline: 10, commitLsn: 1n }],
    ['commit beyond 2^53', { commitLsn: 2n ** 63n - 2n }, { commitLsn: 2n ** 63n - 1n }],
  ])('are ordered by their %s', (_, early, late) => {
    expect(isBehind(at(early), at(late))).toBe(true);
    expect(isBehind(at(late), at(early))).toBe(false);
    expect(isBehind(at(late), at(late))).toBe(true);
  });

  test('the transaction that a connector without offsets begins with is never taken for older than what is there', () => {
    const first = (ordinal: bigint, id = 7n) => openingPosition({ systemId, timeline: 1, ordinal }, id);
    // After a new snapshot: the commits before are not known, and may be any.
    expect(isBehind(first(1n), at({ commitLsn: 900n }))).toBe(false);
    const reached = advanced(at({ commitLsn: 900n }), first(2n));
    expect(isBehind(first(1n), reached)).toBe(true);
    expect(isBehind(first(3n), reached)).toBe(false);
    expect(isBehind(at({ commitLsn: 1n }), reached)).toBe(false);
    // When it comes again, after others.
    const later = advanced(reached, at({ commitLsn: 950n }));
    expect(storedPosition(later)).toBe(later);
    expect(isBehind(first(2n), later)).toBe(true);
    expect(isBehind(first(1n, 8n), later)).toBe(false);
    expect(isBehind(at({ commitLsn: 950n }), later)).toBe(true);
    expect(isBehind(at({ commitLsn: 951n }), later)).toBe(false);
    expect(advanced(later, at({ commitLsn: 960n }))).toContain(';t');
  });

  test('those of two systems are never compared', () => {
    expect(isBehind(at({}), at({ systemId: '9', commitLsn: 10n }))).toBe(false);
  });

  test('a bare LSN is no position, and does not compile', () => {
    // @ts-expect-error -- Debezium's source.lsn
    const number: SourcePosition = 90;
    // @ts-expect-error -- as text
    const text: SourcePosition = '90';
    // @ts-expect-error -- without the ordinal
    expect(() => sourcePosition({ systemId, timeline: 1, commitLsn: 90n })).toThrow();
    expect([number, text]).toHaveLength(2);
    expect(() => storedPosition('90')).toThrow();
    expect(storedPosition(at({}))).toBe(at({}));
  });
});
