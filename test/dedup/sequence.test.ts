import { compareSequences, InvalidSequence, sequence } from '../../runtime/dynamodb/index.js';

test('two sequence numbers 256 apart above 2^64 are told apart, where a number would not', () => {
  const [first, second] = ['18849496460467696128', '18849496460467696384'] as const;
  expect(Number(first) === Number('18849496460467696129')).toBe(true);
  expect(compareSequences(sequence(first), sequence(second))).toBe(-1);
  expect(compareSequences(sequence(second), sequence(first))).toBe(1);
  expect(compareSequences(sequence(first), sequence(first))).toBe(0);
});

test('text order of stored sequence numbers is numeric order, whatever their length', () => {
  const numbers = ['0', '9', '10', '18446744073709551616', '340282366920938463463374607431768211455'];
  const stored = numbers.map(sequence);
  expect([...stored].reverse().sort()).toEqual(stored);
  expect(new Set(stored.map((text) => text.length))).toEqual(new Set([40]));
});

test.each(['', '-1', '1e3', ' 1', '0x10', '1'.repeat(41)])(
  "fails when the sequence number is '%s'",
  (text) => {
    expect(() => sequence(text)).toThrow(InvalidSequence);
  },
);

test('fails when a number slips past the types', () => {
  expect(() => sequence(18849496460467696128 as unknown as string)).toThrow(
    "sequence number must be 1 to 40 decimal digits as text, got number '18849496460467696000'",
  );
});
