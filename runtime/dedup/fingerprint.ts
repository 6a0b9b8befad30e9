import { createHash } from 'node:crypto';
import { UnserialisableValue } from './errors.js';

/**
 * SHA-256 over the canonical JSON of a value, in base64url: equal for equal JSON values whatever the order of their properties.
 * Follows RFC 8785 (JSON Canonicalization Scheme) for what JSON can hold.
 *
 * @throws UnserialisableValue for what JSON cannot hold (bigint, function, symbol, NaN, Infinity, a cycle): such a payload would
 *   get the fingerprint of another one.
 */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}

/** @throws UnserialisableValue see {@link fingerprintOf}. */
export function canonicalJson(value: unknown): string {
  return write(value, '$', []);
}

function write(value: unknown, path: string, above: readonly unknown[]): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new UnserialisableValue(path, `${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw new UnserialisableValue(path, `${typeof value} is not a JSON value`);
  if (above.includes(value)) throw new UnserialisableValue(path, 'it contains itself');
  const inside = [...above, value];
  if (Array.isArray(value))
    return `[${value.map((item, i) => write(item, `${path}[${i}]`, inside)).join(',')}]`;
  if (hasToJson(value)) return write(value.toJSON(), path, inside);
  const members = Object.entries(value)
    // As JSON.stringify does: a member without a value is not there.
    .filter(([, member]) => member !== undefined)
    // RFC 8785 3.2.3: by UTF-16 code units, which is what < compares.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${write(member, `${path}.${name}`, inside)}`);
  return `{${members.join(',')}}`;
}

function hasToJson(value: object): value is { toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
