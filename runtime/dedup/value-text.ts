import { UnserialisableValue } from './error.js';
import { emptiedProblem, isEmptiedByJson, isPlain } from './json-data.js';
import { maxDepth } from './plain-json.js';

/**
 * Values as text that gives the same value again (R52): plain JSON, in which what JSON cannot say stands as an object
 * with one name that begins with `$`: `{"$bigint":"18446744073709551616"}`, `{"$date":0}`. An object of somebody's
 * own that looks like that gets one `$` more.
 */
const kinds: readonly Kind[] = [
  kind(
    '$bigint',
    (v) => typeof v === 'bigint',
    String,
    (text) => BigInt(text as string),
  ),
  kind(
    '$number',
    (v) => typeof v === 'number',
    numberName,
    (text) => Number(text),
  ),
  kind(
    '$undefined',
    (v) => v === undefined,
    String,
    () => undefined,
  ),
  kind(
    '$date',
    (v) => v instanceof Date,
    (v) => (v as Date).getTime(),
    (ms) => new Date((ms as number | null) ?? Number.NaN),
  ),
  kind(
    '$bytes',
    (v) => v instanceof Uint8Array,
    (v) => Buffer.from(v as Uint8Array).toString('base64'),
    (text) => new Uint8Array(Buffer.from(text as string, 'base64')),
  ),
  kind(
    '$map',
    (v) => v instanceof Map,
    (v, inner) => [...(v as Map<unknown, unknown>)].map(([name, one], i) => inner([name, one], `[${i}]`)),
    (pairs) => new Map(pairs as [unknown, unknown][]),
  ),
  kind(
    '$set',
    (v) => v instanceof Set,
    (v, inner) => [...(v as Set<unknown>)].map((one, i) => inner(one, `[${i}]`)),
    (members) => new Set(members as unknown[]),
  ),
];

interface Kind {
  readonly name: string;
  readonly is: (value: unknown) => boolean;
  readonly said: (value: unknown, inner: (value: unknown, name: string) => unknown) => unknown;
  readonly read: (said: unknown) => unknown;
}

function kind(name: string, is: Kind['is'], said: Kind['said'], read: Kind['read']): Kind {
  return { name, is, said, read };
}

/**
 * The text of a value. Members that are undefined are left out, and what has a `toJSON` is what that says.
 *
 * @param instances what to make of an instance of a class: `refuse` it, or take its members `as-object`, as JSON does
 * @throws UnserialisableValue with the path, for what no text can give again: a function, a symbol, a promise, an
 *   instance of a class, what contains itself.
 */
export function valueText(value: unknown, instances: 'refuse' | 'as-object' = 'refuse'): string {
  return JSON.stringify(sayable(value, { path: '$', depth: 0, instances }));
}

interface At {
  readonly path: string;
  readonly depth: number;
  readonly instances: 'refuse' | 'as-object';
}

/** The value of such a text, or of any JSON. */
export function valueOfText(text: string): unknown {
  return meant(JSON.parse(text));
}

function sayable(value: unknown, at: At): unknown {
  const { path, depth, instances } = at;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) return value;
  if (depth > maxDepth)
    throw new UnserialisableValue(path.slice(0, 120), `it contains itself, or nests deeper than ${maxDepth}`);
  const inner = (one: unknown, name: string) => sayable(one, { ...at, path: path + name, depth: depth + 1 });
  const found = kinds.find(({ is }) => is(value));
  if (found !== undefined) return { [found.name]: found.said(value, inner) };
  if (Array.isArray(value)) return Array.from(value, (one, i) => inner(one, `[${i}]`));
  if (typeof value !== 'object') throw new UnserialisableValue(path, `a ${typeof value} cannot be stored`);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return inner(toJSON.call(value, ''), '');
  if (instances === 'refuse' && !isPlain(value))
    throw new UnserialisableValue(path, 'an instance of a class cannot be stored; give a plain object');
  if (isEmptiedByJson(value)) throw new UnserialisableValue(path, emptiedProblem(value));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const name = (key: string) => (members.length === 1 && key.startsWith('$') ? `$${key}` : key);
  return Object.fromEntries(members.map(([key, member]) => [name(key), inner(member, `.${key}`)]));
}

function meant(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(meant);
  const members = Object.entries(value);
  const [only, said] = members.length === 1 ? (members[0] ?? []) : [];
  if (only?.startsWith('$$')) return { [only.slice(1)]: meant(said) };
  const found = kinds.find(({ name }) => name === only);
  if (found !== undefined) return found.read(meant(said));
  return Object.fromEntries(members.map(([key, member]) => [key, meant(member)]));
}

function numberName(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
