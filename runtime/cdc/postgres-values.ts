import type { SqlClient } from './pg-port.js';

/** Types of the columns of a table, by name, as `format_type` says them; a domain by what it stands on. */
export type ColumnTypes = ReadonlyMap<string, string>;

/** @param table quoted */
export async function columnTypes(client: SqlClient, table: string): Promise<ColumnTypes> {
  const { rows } = await client.query(
    'SELECT a.attname AS name, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS type ' +
      'FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid ' +
      'WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped',
    [table],
  );
  return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
}

/** Whether a type has values that Debezium writes otherwise than Postgres reads them, or that it may misread. */
export function isSpecial(type: string): boolean {
  return /^(bytea|numeric)(\[|$)/.test(type) || times.test(type);
}

const times = /^(date|time|timestamp|interval)\b/;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Why Postgres would take a value for another one, without a word: bytes that are no base64, and a time that is a
 * number, of which it reads the digits (`123456` as 12:34:56, microseconds of an interval as seconds).
 */
export function misread(value: unknown, type: string): string | undefined {
  if (Array.isArray(value))
    return value.map((one) => misread(one, elementOf(type))).find((problem) => problem !== undefined);
  if (type === 'bytea' && typeof value === 'string' && !base64.test(value)) return 'is no base64';
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber && times.test(type)
    ? 'is a number; set `time.precision.mode=isostring` and `interval.handling.mode=string` in the connector'
    : undefined;
}

/** A value as Postgres reads it, where Debezium writes it otherwise. */
export function asRead(value: unknown, type: string): unknown {
  if (Array.isArray(value)) return value.map((one) => asRead(one, elementOf(type)));
  if (typeof value !== 'string') return value;
  if (type === 'bytea') return `\\x${Buffer.from(value, 'base64').toString('hex')}`;
  if (type === 'numeric')
    return value.replace(
      /^(POSITIVE|(NEGATIVE))_INFINITY$/,
      (_, __, minus) => `${minus === undefined ? '' : '-'}Infinity`,
    );
  return type === 'date' || type.startsWith('timestamp') ? timeOf(value, type) : value;
}

/** The last years that there are; of `infinity` Debezium tells one beyond. */
const lastYear = { date: 5_874_897, timestamp: 294_276 };
const firstYear = -4_712;

/** Years before 1 and after 9999, which ISO 8601 writes with a sign: Postgres takes them for a time zone. */
function timeOf(text: string, type: string): string {
  const [, digits, rest = ''] = /^([+-]\d+|0000)(-.*)$/.exec(text) ?? [];
  if (digits === undefined) return text;
  const year = Number(digits);
  if (year > (type === 'date' ? lastYear.date : lastYear.timestamp)) return 'infinity';
  if (year < firstYear) return '-infinity';
  return year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}

function elementOf(type: string): string {
  return type.replace(/(\[\])+$/, '');
}

/** An expression for what came of a column: JSON comes as text, and is not to become a JSON string. */
export function expressionOf(column: string, type: string): string {
  if (/^jsonb?$/.test(type)) return `(${column} #>> '{}')::${type}`;
  if (/^jsonb?\[\]$/.test(type))
    return (
      `CASE WHEN ${column} IS NOT NULL THEN ARRAY(SELECT (e #>> '{}')::${elementOf(type)} ` +
      `FROM unnest(${column}) WITH ORDINALITY AS u(e, n) ORDER BY n) END`
    );
  return column;
}
