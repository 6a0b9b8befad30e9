import { exactJsonText } from '../dedup/exact-json.js';
import { isEmptiedByJson, isPlain, kindOf } from '../dedup/json-data.js';

/**
 * The JSON text of what a handler answers, with every `bigint` as an integer.
 *
 * @throws TypeError for what JSON would make something else of without a word: a Map, Set, URLSearchParams, Blob,
 *   Response, stream, promise, error or function becomes `{}` or nothing, NaN becomes null.
 */
export function jsonText(body: unknown): string {
  return exactJsonText(body, assertJson);
}

function assertJson(value: unknown, key: string): void {
  const where = key === '' ? 'the body' : `member '${key}' of the body`;
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`${where} is a ${typeof value}, which JSON leaves out; answer with values`);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${where} is ${value}, which JSON makes null of; answer with a number or null`);
  if (typeof value === 'object' && value !== null && !isData(value))
    throw new TypeError(
      `${where} is a ${kindOf(value)}, which JSON makes {} of; answer with its content: text, bytes, an array or a plain object`,
    );
}

/** Arrays, plain objects, and instances of classes that have members to show. */
function isData(value: object): boolean {
  if (Array.isArray(value)) return true;
  if (isPlain(value)) return !isStream(value);
  return (
    Object.prototype.toString.call(value) === '[object Object]' &&
    !isStream(value) &&
    !(Symbol.iterator in value) &&
    !isEmptiedByJson(value)
  );
}

function isStream(value: object): boolean {
  return (
    Symbol.asyncIterator in value ||
    ['pipe', 'getReader', 'then'].some(
      (name) => typeof (value as Record<string, unknown>)[name] === 'function',
    )
  );
}
