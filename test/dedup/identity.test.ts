import { runInNewContext } from 'node:vm';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  fingerprintOf,
  InvalidKey,
  receiptId,
  TransportId,
  UnserialisableValue,
} from '../../runtime/dynamodb/index.js';
import { emptied } from '../fixtures/emptied.js';

test('a receipt id tells consumer and key apart, whatever the key holds', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,16}$/);
  const key = fc.string({ minLength: 1, unit: 'grapheme' });
  fc.assert(
    fc.property(name, key, name, key, (nameA, keyA, nameB, keyB) => {
      fc.pre(keyA.isWellFormed() && keyB.isWellFormed());
      return (receiptId(nameA, keyA) === receiptId(nameB, keyB)) === (nameA === nameB && keyA === keyB);
    }),
  );
});

test.each([
  ['empty', '', 'it is empty'],
  ['too long for DynamoDB', 'k'.repeat(2048), 'it has 2055 bytes, DynamoDB allows 2048'],
  ['a lone surrogate, which UTF-8 writes like any other', '\ud800', 'lone surrogate'],
  ['no string', 42 as unknown as string, 'it must be a string, got number'],
])('fails when the key is %s', (_, key, problem) => {
  expect(() => receiptId('tester', key)).toThrow(InvalidKey);
  expect(() => receiptId('tester', key)).toThrow(problem.replace('it has', 'with the consumer name it has'));
});

test('a transport id shows nothing of itself but in a log', () => {
  const id = new TransportId('b5a1');
  expect(id.toLog()).toBe('b5a1');
  expect(`${JSON.stringify(id)} ${inspect(id)}`).not.toContain('b5a1');
  const text = id as unknown as string;
  expect(() => `key ${text}`).toThrow('a transport id is no text');
});

test('a fingerprint is the same for the same JSON in any order, and another for another', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(fingerprintOf(reversed(a))).toBe(fingerprintOf(a));
      expect(fingerprintOf(a) === fingerprintOf(b)).toBe(
        JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)),
      );
    }),
  );
});

test.each([[[Number.NaN]], [{ f: () => 1 }], [undefined]])(
  'fails when a value has no JSON form: %p',
  (value) => {
    expect(() => fingerprintOf(value)).toThrow(UnserialisableValue);
  },
);

test.each(emptied)('fails when JSON makes {} of a value, however deep it is: %s', (_what, make) => {
  for (const value of [make(), { a: [make()] }])
    expect(() => fingerprintOf(value)).toThrow(UnserialisableValue);
});

test('what JSON has a form for has a fingerprint: literals of other realms, instances with members, dates, bytes', () => {
  class Money {
    constructor(readonly cents: number) {}
  }
  const foreign = runInNewContext('({ a: {} })') as object;
  for (const value of [
    {},
    Object.create(null),
    foreign,
    new Money(5),
    new Date(0),
    new Uint8Array(0),
    Buffer.of(1),
  ])
    expect(fingerprintOf(value)).toHaveLength(43);
});

function rebuilt(value: unknown, order: (keys: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => rebuilt(item, order));
  if (value === null || typeof value !== 'object') return value;
  // fromEntries defines even `__proto__` as a member, as JSON.parse does.
  const members = value as Record<string, unknown>;
  return Object.fromEntries(order(Object.keys(members)).map((key) => [key, rebuilt(members[key], order)]));
}
const reversed = (value: unknown) => rebuilt(value, (keys) => keys.reverse());
const sorted = (value: unknown) => rebuilt(value, (keys) => keys.sort());
