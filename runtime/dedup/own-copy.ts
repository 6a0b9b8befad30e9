import { isPlain } from './json-data.js';

/** Frozen to the last leaf, and without anything that can be changed all the same. */
const unchanging = new WeakSet<object>();

/**
 * The same value, in which nothing is shared that `Object.freeze` does not hold: sets, maps, dates and bytes are
 * copies. What has none of them is given back as it is. So code that runs again meets what it met at first, whatever
 * it has done to it (R55), and whoever still has what a reducer has returned changes nothing of what is kept (R14).
 */
export function ownCopy<T>(value: T): T {
  return copyOf(value, new Set()) as T;
}

/** A message for one run of its handler: see {@link ownCopy}. */
export function withOwnBody<M>(message: M): M {
  if (typeof message !== 'object' || message === null || !('body' in message)) return message;
  const body = ownCopy(message.body);
  return body === message.body ? message : { ...message, body };
}

function copyOf(value: unknown, inside: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || unchanging.has(value) || inside.has(value)) return value;
  if (ArrayBuffer.isView(value)) return viewCopied(value);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (isOne(value, Date)) return new Date(value.getTime());
  if (isOne(value, Set)) return new Set([...value].map((one) => copyOf(one, inside)));
  if (isOne(value, Map)) return new Map([...value].map(([key, one]) => [key, copyOf(one, inside)] as const));
  // Of anything else nobody but its class knows how it is copied.
  if (!Array.isArray(value) && !isPlain(value)) return value;
  // A value that contains itself is refused by whoever writes it.
  inside.add(value);
  const copy = membersCopied(value, inside);
  inside.delete(value);
  return copy;
}

/** Not of a class that is made of it: a copy would have less than it had. */
function isOne<T extends object>(value: object, of: new (...given: never[]) => T): value is T {
  return Object.getPrototypeOf(value) === of.prototype;
}

function viewCopied(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteOffset, byteLength } = view;
  if (Buffer.isBuffer(view)) return Buffer.from(view);
  if (view instanceof DataView) return new DataView(buffer.slice(byteOffset, byteOffset + byteLength));
  return (view as Uint8Array).slice();
}

function membersCopied(value: object, inside: Set<object>): object {
  const copied: [name: string, member: unknown][] = [];
  let isDeep = false;
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (typeof member !== 'object' || member === null) continue;
    isDeep = true;
    const copy = copyOf(member, inside);
    if (copy !== member) copied.push([name, copy]);
  }
  if (copied.length === 0) {
    if (isDeep && Object.isFrozen(value)) unchanging.add(value);
    return value;
  }
  const result: object = Array.isArray(value) ? [...(value as unknown[])] : withMembersOf(value);
  for (const [name, member] of copied)
    Object.defineProperty(result, name, {
      value: member,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return result;
}

/** Defined one by one, because a member may be called `__proto__`. */
function withMembersOf(value: object): object {
  const members = Object.entries(value).map(([name, member]: [string, unknown]) => [
    name,
    { value: member, enumerable: true, writable: true, configurable: true },
  ]);
  const prototype = Object.getPrototypeOf(value) as object | null;
  return Object.create(prototype, Object.fromEntries(members) as PropertyDescriptorMap) as object;
}
