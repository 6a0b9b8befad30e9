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
  if (value.SS !== undefined) return new Set(value.SS);
  // Copies: whoever changes the bytes that he was given must not change what was read.
  if (value.BS !== undefined) return new Set(value.BS.map((bytes) => bytes.slice()));
  if (value.B !== undefined) return value.B.slice();
  return value.NULL === true ? null : value.BOOL;
}

function exactNumber(text: string): number | bigint | string {
  const value = Number(text);
  if (String(value) === text) return value;
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(value) ? value : BigInt(text);
  // DynamoDB has its own way to write what was written as 1e-7.
  return decimalOf(String(value)) === decimalOf(text) ? value : text;
}

/** A decimal in the one form that all ways to write it have in common: its digits, and where they begin. */
export function decimalOf(text: string): string {
  const [, sign = '', whole = '', part = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = (whole + part).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const power = Number(exponent) - part.length + digits.length - significant.length;
  return significant === '' ? '0' : `${sign === '-' ? '-' : ''}${significant}e${power}`;
}
