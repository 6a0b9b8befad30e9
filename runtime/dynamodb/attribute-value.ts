import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { UnserialisableValue } from '../dedup/error.js';

/** DynamoDB: an item has at most 400 KB, attribute names included. */
export const maxItemBytes = 400 * 1024;

/** DynamoDB: at most 32 levels of lists and maps. A value that contains itself has more. */
const maxDepth = 32;

export type Attributes = Record<string, AttributeValue>;

/** Attributes as DynamoDB takes them, and their size as it counts. */
export interface Stored {
  readonly item: Attributes;
  readonly bytes: number;
}

/** Where a value is. Text is made of it only for an error. */
interface Place {
  readonly name: string;
  readonly above: Place | undefined;
  readonly depth: number;
}

/**
 * Native values as attributes, measured on the way. What is undefined is not there. Plain objects, arrays, sets,
 * text, numbers, bigint, booleans, null and bytes can be stored, and come back as they were; nothing is dropped or
 * rounded in silence (R44).
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 * @throws UnserialisableValue with the path, for everything else.
 */
export function stored(row: Readonly<Record<string, unknown>>): Stored {
  const scale = new Scale();
  return { item: scale.map(row, undefined), bytes: scale.bytes };
}

class Scale {
  bytes = 0;

  map(values: object, above: Place | undefined): Attributes {
    const map: Attributes = {};
    for (const [name, value] of Object.entries(values)) {
      const attribute = this.#value(value, { name, above, depth: (above?.depth ?? 0) + 1 });
      if (attribute === undefined) continue;
      this.bytes += Buffer.byteLength(name);
      if (name === '__proto__') define(map, attribute);
      else map[name] = attribute;
    }
    return map;
  }

  #value(value: unknown, place: Place): AttributeValue | undefined {
    switch (typeof value) {
      case 'string':
        this.bytes += Buffer.byteLength(value);
        return { S: value };
      case 'number':
      case 'bigint':
        return { N: this.#number(value, place) };
      case 'boolean':
        this.bytes += 1;
        return { BOOL: value };
      case 'undefined':
        return undefined;
      case 'object':
        return value === null ? this.#nothing() : this.#object(value, place);
      default:
        throw unstorable(place, `a ${typeof value} is no value of DynamoDB`);
    }
  }

  #nothing(): AttributeValue {
    this.bytes += 1;
    return { NULL: true };
  }

  #number(value: number | bigint, place: Place): string {
    const text = numberText(value);
    if (text === undefined) throw unstorable(place, numberProblem(value));
    this.bytes += 1 + (text.length >> 1);
    return text;
  }

  #object(value: object, place: Place): AttributeValue {
    const bytes = bytesIn(value);
    if (bytes !== undefined) {
      this.bytes += bytes.byteLength;
      return { B: bytes };
    }
    if (value instanceof Set) return this.#set(value, place);
    if (place.depth > maxDepth) throw unstorable(place, `it is nested deeper than ${maxDepth} levels`);
    if (Array.isArray(value)) {
      this.bytes += 3 + value.length;
      const items = value.map((item: unknown, i) =>
        this.#value(item, { name: `[${i}]`, above: place, depth: place.depth + 1 }),
      );
      return { L: items.filter((item) => item !== undefined) };
    }
    if (!isPlain(value)) {
      const number = longNumber(value);
      if (number !== undefined) return { N: number };
      throw unstorable(
        place,
        `a ${nameOf(value)} is no value of DynamoDB; give text, a number or a plain object`,
      );
    }
    const M = this.map(value, place);
    this.bytes += 3 + Object.keys(M).length;
    return { M };
  }

  #set(set: ReadonlySet<unknown>, place: Place): AttributeValue {
    const members = [...set].filter((member) => member !== undefined);
    const each = <T>(one: (member: unknown) => T | undefined): T[] | undefined => {
      const all = members.map(one);
      return all.length === 0 || all.includes(undefined) ? undefined : (all as T[]);
    };
    const text = each((member) => (typeof member === 'string' ? member : undefined));
    const numbers = each((member) =>
      typeof member === 'number' || typeof member === 'bigint' ? this.#number(member, place) : undefined,
    );
    const bytes = each((member) =>
      typeof member === 'object' && member !== null ? bytesIn(member) : undefined,
    );
    for (const one of text ?? bytes ?? []) this.bytes += Buffer.byteLength(one);
    if (text !== undefined) return { SS: text };
    if (numbers !== undefined) return { NS: numbers };
    if (bytes !== undefined) return { BS: bytes };
    throw unstorable(place, 'a set must have members, all of them text, all numbers or all bytes');
  }
}

/** Assignment would set the prototype. */
export function define(map: object, value: unknown): void {
  Object.defineProperty(map, '__proto__', { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Undefined for what DynamoDB cannot hold (38 digits, up to 10^126), and for integers that a JavaScript number holds
 * only roughly.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 */
export function numberText(value: number | bigint): string | undefined {
  if (typeof value === 'bigint') {
    const text = String(value);
    if (text.length <= 38) return text;
    const digits = text.replace(/^-/, '');
    return digits.length <= 126 && digits.replace(/0+$/, '').length <= 38 ? text : undefined;
  }
  // Callers of JavaScript may give anything.
  const size = typeof (value as unknown) === 'number' ? Math.abs(value) : Number.NaN;
  // NaN fails every comparison.
  return size === 0 || (size >= 1e-130 && size <= Number.MAX_SAFE_INTEGER) ? String(value) : undefined;
}

export function numberProblem(value: number | bigint): string {
  if (typeof value === 'bigint') return 'it has more than 38 digits';
  if (typeof (value as unknown) !== 'number') return `it is no number but a ${typeof value}`;
  if (!Number.isFinite(value)) return `${value} is no number of DynamoDB`;
  return Math.abs(value) < 1
    ? 'it is nearer to 0 than 10^-130'
    : 'a number beyond 2^53 holds its digits only roughly; give a bigint';
}

/** A copy: a buffer that is filled anew for the next message must not change what this one has written. */
function bytesIn(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  return value instanceof ArrayBuffer ? new Uint8Array(value.slice(0)) : undefined;
}

/** Not by identity with Object.prototype: there is one for each realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A NumberValue of the SDK's document libraries. */
function longNumber(value: object): string | undefined {
  const { toAttributeValue } = value as { toAttributeValue?: () => { N?: string } };
  return typeof toAttributeValue === 'function' ? toAttributeValue.call(value).N : undefined;
}

function nameOf(value: object): string {
  const { name } = value.constructor as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}

function unstorable(place: Place, problem: string): UnserialisableValue {
  return new UnserialisableValue(pathOf(place), problem);
}

function pathOf({ name, above }: Place): string {
  if (above === undefined) return name;
  return `${pathOf(above)}${name.startsWith('[') ? '' : '.'}${name}`;
}
