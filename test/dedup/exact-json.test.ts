import fc from 'fast-check';
import {
  InexactNumber,
  InvalidWrite,
  RejectMessage,
  TooDeep,
  UnserialisableValue,
} from '../../runtime/dedup/errors.js';
import { exactJsonText, nestsDeeper, parseJson } from '../../runtime/dedup/exact-json.js';
import { maxDepth } from '../../runtime/dedup/plain-json.js';
import { canonicalJson, fingerprintOf } from '../../runtime/dedup/fingerprint.js';
import { updateOf } from '../../runtime/dynamodb/write.js';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('a number is what was sent, or is refused', () => {
  test.each<[string, number | bigint]>([
    ['0', 0],
    ['-0', -0],
    ['5', 5],
    ['1.0', 1],
    ['1e2', 100],
    ['1E+2', 100],
    ['100e-2', 1],
    ['0.1', 0.1],
    ['0.10000000000000000000000000000', 0.1],
    ['0.30000000000000004', 0.30000000000000004],
    ['1e23', 1e23],
    ['5e-324', 5e-324],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['0e99999999999999999999', 0],
    ['999999999999999', 999999999999999],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', 2 ** 53],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['18849496460467696128', 18849496460467696128n],
    ['18849496460467696384', 18849496460467696384n],
    ['100000000000000000000', 1e20],
    // The binary value of the double, and its shortest text: neither is both.
    ['12345678901234567168', 12345678901234567168n],
    ['12345678901234567000', 12345678901234567000n],
  ])('%s is kept', (text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(` { "a" : [ ${text} ] } `)).toEqual({ a: [value] });
    expect(parseJson(`[${text}]`)).toEqual([value]);
  });

  test.each([
    '0.1000000000000000055511151231257827021181583404541015625',
    '0.12345678901234567890',
    '9007199254740993.0',
    '9007199254740993e0',
    '1.2345678901234567890e19',
    '1e400',
    '-1e400',
    '1e-400',
    '1e0000000000000000000400',
  ])('%s is refused with its place', (number) => {
    const error = thrown(() => parseJson(`{"lines":[{"price":1},{"price":${number}}]}`));
    expect(error).toBeInstanceOf(InexactNumber);
    expect(error).toBeInstanceOf(RejectMessage);
    expect(error).toMatchObject({ name: 'InexactNumber', path: '$.lines[1].price' });
    expect(String(error)).not.toContain(number);
    expect(thrown(() => parseJson(number))).toMatchObject({ path: '$' });
  });

  test('numbers of many digits: what they are worth decides, and integers have an end', () => {
    expect(parseJson(`1${'0'.repeat(400)}e-400`)).toBe(1);
    expect(parseJson('9'.repeat(1000))).toBe(10n ** 1000n - 1n);
    expect(() => parseJson('9'.repeat(1001))).toThrow(InexactNumber);
  });

  test('the last of two members of one name counts, as for JSON.parse', () => {
    expect(parseJson('{"a":9007199254740993,"a":5}')).toEqual({ a: 5 });
    expect(parseJson('{"a":5,"a":9007199254740993}')).toEqual({ a: 9007199254740993n });
    expect(parseJson('{"a":0.12345678901234567890,"a":5}')).toEqual({ a: 5 });
  });

  test('an increment beyond 2^53 is refused as a number and taken as a bigint', () => {
    const table = { name: 't', partitionKey: 'id' };
    const add = (value: number | bigint) => updateOf(table, { id: 'a' }, { add: { value } });
    for (const value of [2 ** 53, -(2 ** 53), 1e300, Infinity, NaN])
      expect(() => add(value)).toThrow(InvalidWrite);
    expect(() => add('5' as unknown as number)).toThrow(InvalidWrite);
    for (const value of [2 ** 53 - 1, 0.5, -0.5, 9007199254740993n])
      expect(add(value)).toMatchObject({ add: { value } });
  });
});

describe('text that is not ordinary', () => {
  test('a byte order mark is skipped, once', () => {
    expect(parseJson('\uFEFF{"id":"a"}')).toEqual({ id: 'a' });
    expect(parseJson('\uFEFF9007199254740993')).toBe(9007199254740993n);
    expect(() => parseJson('\uFEFF\uFEFF{}')).toThrow('body is not JSON');
  });

  test.each([
    '',
    '  ',
    'hello',
    '{"secret":4111111111111111',
    '[9007199254740993,]',
    '01',
    '1e',
    '{"a":1e5.}',
  ])('an error about %p does not quote it', (text) => {
    const error = thrown(() => parseJson(text)) as Error;
    expect(error).toBeInstanceOf(RejectMessage);
    expect(error.message).toBe('body is not JSON');
    expect(error.cause).toBeUndefined();
  });

  test.each(['{"n":0,', '{"n":9007199254740993,'])(
    'members called as what every object has survive: %s',
    (start) => {
      const text = `${start}"__proto__":{"polluted":1},"constructor":2,"toString":3,"hasOwnProperty":4}`;
      const value = parseJson(text) as Record<string, unknown>;
      expect(Object.keys(value)).toEqual(['n', '__proto__', 'constructor', 'toString', 'hasOwnProperty']);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      expect(exactJsonText(value)).toBe(text);
      expect(canonicalJson(value)).toContain('"__proto__":{"polluted":1}');
      expect(fingerprintOf(value)).not.toBe(
        fingerprintOf(parseJson(`${start}"constructor":2,"toString":3,"hasOwnProperty":4}`)),
      );
    },
  );

  test(`${maxDepth} levels are read, one more is refused, also a hundred thousand`, () => {
    expect(exactJsonText(parseJson(nested(maxDepth)))).toBe(nested(maxDepth));
    expect(fingerprintOf(parseJson(nested(maxDepth)))).toHaveLength(43);
    expect(() => parseJson(nested(maxDepth + 1))).toThrow(TooDeep);
    expect(() => parseJson(`{"n":0.12345678901234567890,"x":${nested(100_000)}}`)).toThrow(TooDeep);
    expect(() => parseJson(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toThrow(TooDeep);
  });

  test('brackets in text and side by side are no depth', () => {
    expect(nestsDeeper(`["${'['.repeat(2000)}\\"${'['.repeat(2000)}"]`, 500)).toBe(false);
    expect(nestsDeeper(`[${'[],{},'.repeat(2000)}[]]`, 500)).toBe(false);
    expect(nestsDeeper(`["\\\\",${nested(500)}]`, 500)).toBe(true);
  });

  test('no text makes reading it slow: the work grows with its length, not with its square', () => {
    const length = 400_000;
    const [brackets, digits] = ['['.repeat(length), '1'.repeat(length)];
    for (const text of [
      `"${digits}"`,
      `"${'1e'.repeat(length / 2)}"`,
      `"${'.'.repeat(length)}"`,
      `"${'1e+'.repeat(length / 4)}"`,
      `"${'[\\"'.repeat(length / 4)}"`,
      `[1.${'0'.repeat(length)}1e-7]`,
      `[${'1234567890123456,'.repeat(length / 20)}0]`,
      digits,
      brackets,
    ])
      thrown(() => parseJson(text));
  });
});

describe('fingerprints', () => {
  test('integers that differ in a digit differ, from each other and from text', () => {
    const all = [9007199254740992n, 9007199254740993n, '9007199254740993', 9007199254740994n];
    expect(new Set(all.map(fingerprintOf)).size).toBe(4);
    expect(fingerprintOf({ a: 5n })).toBe(fingerprintOf({ a: 5 }));
  });

  test.each<[string, unknown, string]>([
    [
      'members are sorted by UTF-16 code units',
      { '\u20ac': 1, '\r': 2, '\ufb33': 3, 1: 4, '\ud83d\ude00': 5 },
      '{"\\r":2,"1":4,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    ],
    [
      'numbers as ECMAScript writes them',
      [333333333.33333329, 1e30, 4.5, 2e-3, 1e-27, -0],
      '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]',
    ],
    ['toJSON is asked', { at: new Date(0), none: undefined }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ])('RFC 8785: %s', (_what, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test('a cycle, an endless toJSON and endless depth are refused with the place', () => {
    const cycle: Record<string, unknown> = {};
    cycle.a = [cycle];
    expect(thrown(() => fingerprintOf(cycle))).toMatchObject({
      path: '$.a[0]',
      problem: 'it contains itself',
    });
    const endless = { toJSON: (): object => ({ ...endless }) };
    expect(() => fingerprintOf(endless)).toThrow(UnserialisableValue);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = { deep };
    const error = thrown(() => fingerprintOf(deep));
    expect(error).toBeInstanceOf(UnserialisableValue);
    expect(String(error).length).toBeLessThan(300);
  });
});

describe('what is written is read again', () => {
  test('a bigint is an integer, also where the program has taught it to be text', () => {
    const value = { wei: [9007199254740993n, -18849496460467696128n], at: new Date(0), n: 1.5 };
    const text = '{"wei":[9007199254740993,-18849496460467696128],"at":"1970-01-01T00:00:00.000Z","n":1.5}';
    expect(exactJsonText(value)).toBe(text);
    const taught = BigInt.prototype as { toJSON?: () => string };
    taught.toJSON = function (this: bigint) {
      return this.toString();
    };
    try {
      expect(exactJsonText(value)).toBe(text);
    } finally {
      delete taught.toJSON;
    }
  });

  test('what has no JSON text is refused', () => {
    for (const value of [undefined, () => 1, Symbol('s')])
      expect(() => exactJsonText(value)).toThrow(UnserialisableValue);
  });

  test('any value of parseJson comes back', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const big = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
    fc.assert(
      fc.property(json, big, (value, integer) => {
        const sent = parseJson(`[${JSON.stringify(value)},${integer}]`);
        const again = parseJson(exactJsonText(sent));
        expect(again).toEqual(sent);
        expect(fingerprintOf(again)).toBe(fingerprintOf(sent));
      }),
      { seed: 52, numRuns: 500 },
    );
  });
});

describe('against any text', () => {
  test('what JSON.stringify wrote is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        // A double beyond 2^53 may be written as an integer that it is not.
        const beyond = /\d{16}/.test(text.replaceAll(/"(\\.|[^"\\])*"/g, '""'));
        if (!beyond) expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(fingerprintOf(parseJson(text))).toBe(fingerprintOf(JSON.parse(text)));
      }),
      { seed: 52, numRuns: 2000 },
    );
  });

  /** Digits and exponent of a decimal number, as few as there can be. */
  interface Decimal {
    readonly negative: boolean;
    readonly digits: bigint;
    readonly exponent: number;
  }
  const sameValue = (a: Decimal, b: Decimal) => {
    const least = Math.min(a.exponent, b.exponent);
    const whole = ({ negative, digits, exponent }: Decimal) =>
      (negative ? -1n : 1n) * digits * 10n ** BigInt(exponent - least);
    return whole(a) === whole(b);
  };
  const spelt = ({ negative, digits, exponent }: Decimal, way: 'exponent' | 'plain') => {
    const text = String(digits);
    const sign = negative ? '-' : '';
    if (way === 'exponent') return `${sign}${text}e${exponent}`;
    if (exponent >= 0) return `${sign}${text}${digits === 0n ? '' : '0'.repeat(exponent)}`;
    const padded = text.padStart(1 - exponent, '0');
    return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
  };

  test('two numbers of different value have different fingerprints, or one is refused', () => {
    const digits = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 25n }),
      fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 4n }),
      fc.bigInt({ min: 0n, max: 20n }),
    );
    const decimal = fc.record({
      negative: fc.boolean(),
      digits,
      exponent: fc.integer({ min: -30, max: 30 }),
    });
    const way = fc.constantFrom('exponent' as const, 'plain' as const);
    // Neighbours, because those are the ones that rounding makes equal.
    const pair = fc.tuple(decimal, fc.integer({ min: -3, max: 3 }), fc.integer({ min: -1, max: 1 })).map(
      ([a, step, shift]) =>
        [
          a,
          {
            ...a,
            digits: a.digits + BigInt(step) < 0n ? 0n : a.digits + BigInt(step),
            exponent: a.exponent + shift,
          },
        ] as const,
    );
    const seen = { same: 0, different: 0, refused: 0 };
    fc.assert(
      fc.property(pair, way, way, ([a, b], first, second) => {
        const prints = [spelt(a, first), spelt(b, second)].map((text) => {
          try {
            return fingerprintOf(parseJson(`{"a":${text}}`));
          } catch (error) {
            expect(error).toBeInstanceOf(InexactNumber);
            return undefined;
          }
        });
        if (prints.includes(undefined)) seen.refused += 1;
        else if (sameValue(a, b)) seen.same += 1;
        else {
          seen.different += 1;
          expect(prints[0]).not.toBe(prints[1]);
        }
      }),
      { seed: 52, numRuns: 5000 },
    );
    // Each of the three was met.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  });
});
