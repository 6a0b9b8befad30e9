import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { define, type Attributes } from './attribute-value.js';

/**
 * Attributes as native values. Numbers that a JavaScript number holds exactly are numbers, others bigint or text:
 * none is rounded.
 */
export function native(item: Readonly<Attributes>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(item)) {
    const value = nativeValue(attribute);
    if (name === '__proto__') define(row, value);
    else row[name] = value;
  }
  return row;
}

export function nativeValue(value: AttributeValue | undefined): unknown {
  if (value === undefined) return undefined;
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return exactNumber(value.N);
  if (value.M !== undefined) return native(value.M);
  if (value.L !== undefined) return value.L.map(nativeValue);
  if (value.NS !== undefined) return new Set(value.NS.map(exactNumber));
  if (value.SS !== undefined || value.BS !== undefined) return new Set<unknown>(value.SS ?? value.BS);
  return value.NULL === true ? null : (value.BOOL ?? value.B);
}

function exactNumber(text: string): number | bigint | string {
  const value = Number(text);
  if (Number.isSafeInteger(value) || String(value) === text) return value;
  if (/^-?\d+$/.test(text)) return BigInt(text);
  // A decimal of up to 15 digits comes out of a double as it went in.
  const digits = text
    .replace(/e.*$/i, '')
    .replace(/\D/g, '')
    .replace(/^0+|0+$/g, '');
  return digits.length <= 15 ? value : text;
}
