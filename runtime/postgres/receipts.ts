import { KeyReused, NewerRow } from '../dedup/errors.js';
import type { Outcome } from '../dedup/outcome.js';
import { valueOfText } from '../dedup/value-text.js';
import type { SqlResult } from './client.js';
import { ValueRefused } from './errors.js';

/** The version of the rows this runtime writes (R17). */
export const rowVersion = 1;

/** What is to be proven about one message. */
export interface Draft {
  /** See `receiptId`. */
  readonly id: string;
  readonly fingerprint: string;
}

/** A receipt as it is stored. */
export interface ReceiptRow {
  readonly id: string;
  readonly fingerprint: string;
  readonly token: string;
  readonly result: string | null;
  readonly v: number;
  /** Seconds until it may be pruned. */
  readonly left: number;
}

/**
 * Takes the identity, or waits for whoever has it in an open transaction, and then takes it or does not: the unique
 * index decides, at every isolation level. With the types of its values, because not every driver leaves them to
 * Postgres. Values: id, fingerprint, token, retention in seconds. A row: it is taken.
 */
export const takeReceipt =
  'INSERT INTO exactly_once.receipts (id, fingerprint, token, expires_at) ' +
  "VALUES ($1::text, $2::text, $3::uuid, now() + $4::float8 * interval '1 second') ON CONFLICT (id) DO NOTHING RETURNING 1 AS taken";

/**
 * The same with its values in it, so that it travels with BEGIN: a statement with parameters has a round trip of its
 * own. A text ends where a NUL is, and another message's identity must not be taken.
 *
 * @throws ValueRefused for what Postgres would refuse as a parameter
 */
export function takeReceiptText(values: readonly (string | number)[]): string {
  const literals = values.map((value) => {
    if (typeof value === 'number') return String(value);
    if (value.includes('\0')) throw new ValueRefused('22021');
    const quoted = value.replaceAll("'", "''");
    // Whether a plain literal knows the backslash is a setting of the server.
    return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
  });
  return takeReceipt.replace(/\$(\d)/g, (_, place: string) => literals[Number(place) - 1] ?? 'NULL');
}

/**
 * Takes an identity whose receipt does not count any more, of those that expire by the clock. Waits for whoever takes
 * it in an open transaction; at `repeatable read` and above it then meets a conflict. Values: as of `takeReceipt`. A
 * row: it is taken.
 */
export const takeExpired =
  'UPDATE exactly_once.receipts SET fingerprint = $2::text, token = $3::uuid, result = NULL, processed_at = now(), ' +
  "expires_at = now() + $4::float8 * interval '1 second' " +
  `WHERE id = $1::text AND expires_at <= now() AND v <= ${rowVersion} RETURNING 1 AS taken`;

/** Whether the statement has taken the identity. Of a text of several, `pg` gives an answer for each. */
export function isTaken(answer: SqlResult | readonly SqlResult[]): boolean {
  return [answer].flat().at(-1)?.rows.length === 1;
}

const columns = 'id, fingerprint, token, result, v, extract(epoch FROM expires_at - now())::float8 AS left';

/** Value: the id. */
export const readReceipt = `SELECT ${columns} FROM exactly_once.receipts WHERE id = $1::text`;

/** Value: the ids. */
export const readReceipts = `SELECT ${columns} FROM exactly_once.receipts WHERE id = ANY($1::text[])`;

/** Values: result, id. */
export const keepResult = 'UPDATE exactly_once.receipts SET result = $1::text WHERE id = $2::text';

/** Values: id, retention in seconds. */
export const renewReceipt =
  "UPDATE exactly_once.receipts SET expires_at = greatest(expires_at, now() + $2 * interval '1 second') WHERE id = $1";

/** Whether its time is over, which only counts for receipts that expire by the clock (R7). */
export function isExpired({ left, v }: ReceiptRow): boolean {
  return left <= 0 && v <= rowVersion;
}

/** A duplicate that finds less of the receipt's life left than this renews it (R8). */
export const renewBelow = 0.2;

/**
 * What a stored receipt says of a message. It suppresses for as long as the row exists (R7).
 *
 * @param tokens of our own tries: the answer to a COMMIT was lost. One proves nothing about another payload (R49).
 */
export function judge(row: ReceiptRow, { id, fingerprint }: Draft, tokens?: ReadonlySet<string>): Outcome {
  if (row.v > rowVersion) return { kind: 'retry', error: new NewerRow(id, String(row.v), rowVersion) };
  if (row.fingerprint !== fingerprint)
    return { kind: 'rejected', error: new KeyReused(id, row.fingerprint, fingerprint) };
  if (tokens?.has(row.token) === true) return { kind: 'processed' };
  return row.result === null ? { kind: 'duplicate' } : { kind: 'duplicate', result: valueOfText(row.result) };
}
