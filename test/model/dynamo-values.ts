import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { typeOf, type Item } from './attribute-values.js';
import { validation } from './dynamo-errors.js';

/** DynamoDB: 400 KB an item, attribute names included. */
export const maxItemBytes = 400 * 1024;

const maxDepth = 32;
const maxDigits = 38;
/** 9.99...E+125 and 1E-130: the position of the first digit, counted from the point. */
const [maxMagnitude, minMagnitude] = [126, -129];

/**
 * The size of an item as DynamoDB counts it: names and strings in UTF-8, a byte for two digits of a number and one
 * more, 3 bytes for a list or map and one for each of its elements.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Item): number {
  return sum(Object.entries(item).map(([name, value]) => Buffer.byteLength(name) + valueBytes(value)));
}

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.SS !== undefined) return sum(value.SS.map((text) => Buffer.byteLength(text)));
  if (value.NS !== undefined) return sum(value.NS.map(numberBytes));
  if (value.BS !== undefined) return sum(value.BS.map(({ byteLength }) => byteLength));
  if (value.L !== undefined) return 3 + sum(value.L.map((element) => 1 + valueBytes(element)));
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  return 1;
}

function numberBytes(text: string): number {
  return Math.ceil((decimal(text)?.digits.length ?? 0) / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/**
 * Refuses what an attribute can never hold: numbers beyond 38 digits or out of range, empty sets, nesting beyond 32
 * levels, and text that has no UTF-8 form: DynamoDB would store two such texts as one.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 * @throws ValidationException, SerializationException
 */
export function assertItemValues(item: Item, depth = 0): void {
  for (const [name, value] of Object.entries(item)) {
    assertText(name);
    assertValue(value, depth);
  }
}

function assertValue(value: AttributeValue, depth: number): void {
  if (depth > maxDepth) throw validation('Nesting Levels have exceeded supported limits');
  const { S, N, SS, NS, BS, L, M } = value;
  for (const text of [S, ...(SS ?? [])]) if (text !== undefined) assertText(text);
  for (const number of [N, ...(NS ?? [])]) if (number !== undefined) assertNumber(number);
  for (const set of [SS, NS, BS])
    if (set?.length === 0)
      throw validation(`One or more parameter values were invalid: An ${typeOf(value)} set may not be empty`);
  for (const element of L ?? []) assertValue(element, depth + 1);
  if (M !== undefined) assertItemValues(M, depth + 1);
}

/**
 * AWS does not say what becomes of a lone surrogate. Its storage is UTF-8, which has none, so the strictest answer is
 * given.
 */
export function assertText(text: string): void {
  if (!text.isWellFormed()) throw validation('a text has a lone surrogate', 'SerializationException');
}

function assertNumber(text: string): void {
  const number = decimal(text);
  if (number === undefined) throw validation(`The parameter cannot be converted to a numeric value: ${text}`);
  const { digits, magnitude } = number;
  if (digits === '') return;
  if (magnitude > maxMagnitude)
    throw validation(
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
    );
  if (magnitude < minMagnitude)
    throw validation(
      'Number underflow. Attempting to store a number with magnitude smaller than supported range',
    );
  if (digits.length > maxDigits)
    throw validation('Attempting to store more than 38 significant digits in a Number');
}

/** The significant digits, and where the first of them stands: 0.5 has magnitude 0, 5 has 1. Undefined: no number. */
function decimal(text: string): { readonly digits: string; readonly magnitude: number } | undefined {
  // Nearly all of them.
  if (/^[1-9]\d{0,37}$/.test(text)) return { digits: text.replace(/0+$/, ''), magnitude: text.length };
  const parts = /^[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const [, whole = '', fraction = '', exponent = '0'] = parts ?? [];
  if (parts === null || whole + fraction === '') return undefined;
  const all = whole + fraction;
  const leading = /^0*/.exec(all)?.[0].length ?? 0;
  return { digits: all.replace(/^0+|0+$/g, ''), magnitude: whole.length - leading + Number(exponent) };
}
