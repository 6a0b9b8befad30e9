import { UnserialisableValue } from './error.js';

/**
 * Whether JSON makes `{}` of an object that is not empty, and says nothing: a promise, Map, Set, error,
 * URLSearchParams, Headers, Blob, ArrayBuffer, or an instance that shows no member. Two of them would have one text,
 * and what they hold would be lost.
 */
export function isEmptiedByJson(value: object): boolean {
  if (Object.keys(value).length > 0 || Array.isArray(value) || isPlain(value)) return false;
  if ('toJSON' in value && typeof value.toJSON === 'function') return false;
  // Of the views of a buffer only this one shows no bytes.
  return !ArrayBuffer.isView(value) || value instanceof DataView;
}

/** An object literal, of whatever realm: nothing is above what it inherits from. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether `Object.freeze` holds all of it: it holds no set, map, date or bytes. */
export function isFreezable(value: unknown, above: readonly object[] = []): boolean {
  // What contains itself is looked at once.
  if (typeof value !== 'object' || value === null || above.includes(value)) return true;
  if (!Array.isArray(value) && !isPlain(value)) return false;
  const inside = [...above, value];
  return Object.values(value).every((member) => isFreezable(member, inside));
}

/** For `exactJsonText`. @throws UnserialisableValue for what JSON empties. */
export function refuseEmptied(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && isEmptiedByJson(value))
    throw new UnserialisableValue(name === '' ? '$' : name.slice(0, 120), emptiedProblem(value));
}

export function emptiedProblem(value: object): string {
  return `it is a ${kindOf(value)}, which JSON makes {} of; give its content: text, a list or a plain object`;
}

/** What an object calls itself. */
export function kindOf(value: object): string {
  const { constructor } = value as { constructor?: { name?: unknown } };
  return typeof constructor?.name === 'string' && constructor.name !== ''
    ? constructor.name
    : Object.prototype.toString.call(value).slice(8, -1);
}
