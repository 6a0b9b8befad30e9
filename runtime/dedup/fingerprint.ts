import { hash } from 'node:crypto';
import { briefly, UnserialisableValue } from './error.js';
import { emptiedProblem, isEmptiedByJson } from './json-data.js';
import { maxDepth } from './plain-json.js';

/** Deeper than any JSON that is read, by what this library puts around a body. */
const maxLevels = maxDepth + 100;

/**
 * SHA-256 over the canonical JSON of a value, in base64url: equal for equal JSON values whatever the order of their
 * properties. Follows RFC 8785 (JSON Canonicalization Scheme) for what JSON can hold. A `bigint` counts as the
 * integer that it is: 5n is 5, and integers that differ in any digit differ.
 *
 * @throws UnserialisableValue for what JSON cannot hold (function, symbol, NaN, Infinity, a cycle, 600 levels), and
 *   for what it makes `{}` of (a promise, a Map): such a payload would get the fingerprint of another one.
 */
export function fingerprintOf(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'base64url');
}

/** @throws UnserialisableValue see {@link fingerprintOf}. */
export function canonicalJson(value: unknown): string {
  return write(value, undefined);
}

/** Where a value is: what it is inside of, and under which name. Text is made of it only for an error. */
interface Inside {
  readonly outer: object;
  readonly name: string;
  readonly level: number;
  readonly above: Inside | undefined;
}

function write(value: unknown, above: Inside | undefined): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unserialisable(above, `${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw unserialisable(above, `${typeof value} is not a JSON value`);
  const level = (above?.level ?? 0) + 1;
  for (let one = above; one !== undefined; one = one.above)
    if (one.outer === value) throw unserialisable(above, 'it contains itself');
  if (level > maxLevels) throw unserialisable(above, `it is nested more than ${maxLevels} levels deep`);
  const inside = (name: string): Inside => ({ outer: value, name, level, above });
  const members: string[] = [];
  // Loops, because callbacks would make three frames of the stack out of each level.
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) members.push(write(value[i], inside(`[${i}]`)));
    return `[${members.join(',')}]`;
  }
  if (hasToJson(value)) return write(value.toJSON(), inside(''));
  if (isEmptiedByJson(value)) throw unserialisable(above, emptiedProblem(value));
  // RFC 8785 3.2.3: by UTF-16 code units, which is how `sort` compares text.
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name];
    // As JSON.stringify does: a member without a value is not there.
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${write(member, inside(`.${name}`))}`);
  }
  return `{${members.join(',')}}`;
}

function unserialisable(above: Inside | undefined, problem: string): UnserialisableValue {
  return new UnserialisableValue(briefly(pathOf(above)), problem);
}

function pathOf(above: Inside | undefined): string {
  return above === undefined ? '$' : `${pathOf(above.above)}${above.name}`;
}

function hasToJson(value: object): value is { toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
