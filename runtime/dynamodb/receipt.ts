import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { maxItemBytes, stored, type Attributes } from './attribute-value.js';
import { receiptAbsentOrExpired } from './api-conditions.js';
import { receiptAbsent } from './commit-conditions.js';
import { InvalidWrite, UnserialisableValue } from '../dedup/error.js';
import { assertFits, type ItemAddress } from './table.js';
import type { Write } from './write.js';

/** The version of the rows this runtime writes. Rows of Powertools carry none and count as 0 (R17). */
export const rowVersion = 1;

/** What a handler returned, as DynamoDB holds it, and its size. */
export interface StoredResult {
  readonly value: AttributeValue;
  readonly bytes: number;
}

/** What is to be proven about one message: its id, what it said, and what came of it. */
export interface ReceiptDraft {
  /** See `receiptId`. */
  readonly id: string;
  readonly fingerprint: string;
  /**
   * What the handler returned, kept for whoever asks with the same key: see {@link storedResult}. @default - nothing
   */
  readonly result?: StoredResult;
  /**
   * The receipt suppresses until its `expiration` and not a second longer, and a duplicate does not renew it. For API
   * keys, whose window is part of their contract; a message's receipt never expires by the clock (R7).
   *
   * @default false
   */
  readonly expires?: boolean;
  /** The item that is the receipt: a row that the handler inserts. @default - a row of the dedup table */
  readonly at?: ItemAddress;
  /** With `at`: a receipt in the dedup table, from before, counts as well. */
  readonly migrating?: boolean;
}

/** Attributes of ours in a row that is its own receipt, beside the user's. */
export const rowAttributes = { token: 'xoToken', fingerprint: 'xoFingerprint', result: 'xoResult' } as const;

/** The id, 2 KB at the most, and the other attributes of a receipt. */
const receiptRest = 4 * 1024;

/**
 * A result as it is stored in a receipt.
 *
 * @throws UnserialisableValue with the path where it holds what DynamoDB cannot, or is too large.
 */
export function storedResult(result: unknown): StoredResult | undefined {
  const { item, bytes } = stored({ result });
  const { result: value } = item;
  if (value === undefined) return undefined;
  if (bytes > maxItemBytes - receiptRest)
    throw new UnserialisableValue(
      'result',
      `it has ${bytes} bytes, a receipt holds ${maxItemBytes - receiptRest}; return a reference to it`,
    );
  return { value, bytes };
}

/** The same as the attribute of a row of the dedup table. @throws UnserialisableValue see {@link storedResult}. */
export function resultAttribute(result: unknown): Attributes {
  const value = storedResult(result)?.value;
  return value === undefined ? {} : { data: value };
}

/** Nearly. What it misses is in the tenth that a pack leaves. */
export function receiptBytes({ id, result }: ReceiptDraft): number {
  return 200 + id.length + (result?.bytes ?? 0);
}

/**
 * The receipt as one write of the transaction. `status`, `data` and `expiration` are the attributes of the Powertools
 * idempotency layer, so that both can share a table.
 *
 * @param commit random token of this attempt: finding it in the stored row later means that the row is our own (R12).
 * @param expiration epoch seconds, for DynamoDB's TTL: no decision of ours looks at it but the renewal and, of drafts
 *   that expire, the condition.
 */
export function receiptWrite(
  tableName: string,
  draft: ReceiptDraft,
  commit: string,
  expiration: number,
): Write {
  const { id, fingerprint, result, expires } = draft;
  const key = { id: { S: id } };
  return {
    kind: 'put',
    address: { tableName, key, id },
    item: {
      ...key,
      v: { N: String(rowVersion) },
      status: { S: 'COMPLETED' },
      fingerprint: { S: fingerprint },
      commit: { S: commit },
      expiration: { N: String(expiration) },
      ...(result && { data: result.value }),
    },
    condition: expires ? receiptAbsentOrExpired(nowSeconds()) : receiptAbsent(),
  };
}

/** For a message whose receipt is a row of its own: nobody has left one in the dedup table before. */
export function noOlderReceipt(tableName: string, { id }: ReceiptDraft): Write {
  return { kind: 'check', address: { tableName, key: { id: { S: id } }, id }, condition: receiptAbsent() };
}

/** Attributes that make a row the receipt of its message. */
export function stamp({ fingerprint, result }: ReceiptDraft, token: string): Attributes {
  return {
    [rowAttributes.token]: { S: token },
    [rowAttributes.fingerprint]: { S: fingerprint },
    ...(result && { [rowAttributes.result]: result.value }),
  };
}

/** @throws InvalidWrite when the row has attributes of ours, or no room for them. */
export function assertStampable(
  tableName: string,
  row: Readonly<Attributes>,
  bytes: number,
  draft: Pick<ReceiptDraft, 'result'>,
): void {
  const taken = Object.values(rowAttributes).find((name) => Object.hasOwn(row, name));
  if (taken !== undefined)
    throw new InvalidWrite(
      tableName,
      `attribute '${taken}' is ours in a row that is its own receipt; rename it`,
    );
  assertFits(tableName, bytes + stampBytes + (draft.result?.bytes ?? 0));
}

/** A token, a fingerprint and their names. */
const stampBytes = 128;

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
