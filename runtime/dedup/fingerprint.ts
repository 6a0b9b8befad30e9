import { hash } from 'node:crypto';
import { UnserialisableValue } from './errors.js';

/**
 * SHA-256 over the canonical JSON of a value, in base64url: equal for equal JSON values whatever the order of their properties.
 * Follows RFC 8785 (JSON Canonicalization Scheme) for what JSON can hold.
 *
 * @throws UnserialisableValue for what JSON cannot hold (bigint, function, symbol, NaN, Infinity, a cycle): such a payload would
 *   get the fingerprint of another one.
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
  readonly above: Inside | undefined;
}

function write(value: unknown, above: Inside | undefined): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new UnserialisableValue(pathOf(above), `${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (typeof value !== 'object')
    throw new UnserialisableValue(pathOf(above), `${typeof value} is not a JSON value`);
  for (let one = above; one !== undefined; one = one.above)
    if (one.outer === value) throw new UnserialisableValue(pathOf(above), 'it contains itself');
  const inside = (name: string): Inside => ({ outer: value, name, above });
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, inside(`[${i}]`))).join(',')}]`;
  if (hasToJson(value)) return write(value.toJSON(), inside(''));
  const members: string[] = [];
  // RFC 8785 3.2.3: by UTF-16 code units, which is how `sort` compares text.
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name];
    // As JSON.stringify does: a member without a value is not there.
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${write(member, inside(`.${name}`))}`);
  }
  return `{${members.join(',')}}`;
}

function pathOf(above: Inside | undefined): string {
  return above === undefined ? '$' : `${pathOf(above.above)}${above.name}`;
}

function hasToJson(value: object): value is { toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
