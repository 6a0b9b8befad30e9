import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { receiptAbsent, receiptAbsentOrExpired } from './conditions.js';
import {
  InProgressElsewhere,
  KeyReused,
  NewerRow,
  UnserialisableValue,
  type ExactlyOnceError,
} from '../dedup/errors.js';
import type { Write } from './write.js';

/** The version of the rows this runtime writes. Rows of Powertools carry none and count as 0 (R17). */
export const rowVersion = 1;

/** What is to be proven about one message: its id, what it said, and what came of it. */
export interface ReceiptDraft {
  /** See `receiptId`. */
  readonly id: string;
  readonly fingerprint: string;
  /** What the handler returned, kept for whoever asks with the same key. Must be something DynamoDB can hold. */
  readonly result?: unknown;
  /**
   * The receipt suppresses until its `expiration` and not a second longer, and a duplicate does not renew it. For API keys, whose
   * window is part of their contract; a message's receipt never expires by the clock (R7).
   *
   * @default false
   */
  readonly expires?: boolean;
}

/** What a stored row says about a message that arrived. */
export type Verdict =
  | { readonly kind: 'ours' }
  | { readonly kind: 'duplicate'; readonly result: unknown; readonly expiration: number }
  | { readonly kind: 'reused'; readonly error: KeyReused }
  | { readonly kind: 'undecided'; readonly error: ExactlyOnceError };

/**
 * The receipt as one write of the transaction. `status`, `data` and `expiration` are the attributes of the Powertools idempotency
 * layer, so that both can share a table.
 *
 * @param commit random token of this attempt: finding it in the stored row later means that the row is our own (R12).
 * @param expiration epoch seconds, for DynamoDB's TTL: no decision of ours looks at it but the renewal and, of drafts that expire, the condition.
 * @throws UnserialisableValue when the result holds what DynamoDB cannot.
 */
export function receiptWrite(
  tableName: string,
  draft: ReceiptDraft,
  commit: string,
  expiration: number,
): Write {
  const key = { id: { S: draft.id } };
  return {
    kind: 'put',
    address: { tableName, key, id: draft.id },
    item: {
      ...key,
      v: { N: String(rowVersion) },
      status: { S: 'COMPLETED' },
      fingerprint: { S: draft.fingerprint },
      commit: { S: commit },
      expiration: { N: String(expiration) },
      ...resultAttribute(draft.result),
    },
    condition: draft.expires ? receiptAbsentOrExpired(nowSeconds()) : receiptAbsent(),
  };
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** @throws UnserialisableValue see {@link receiptWrite}. */
export function resultAttribute(result: unknown): Record<string, AttributeValue> {
  if (result === undefined) return {};
  try {
    return marshall({ data: result }, { removeUndefinedValues: true });
  } catch (cause) {
    throw new UnserialisableValue('result', cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
}

/**
 * Reads a stored row. Only a completed receipt acknowledges, and it does so for as long as the row exists, whatever its
 * `expiration` says; "in progress" never does (R7).
 *
 * @param commits tokens of our own attempts for this message.
 */
export function judge(
  row: Record<string, AttributeValue>,
  draft: ReceiptDraft,
  commits: ReadonlySet<string>,
): Verdict {
  if (Number(row.v?.N ?? 0) > rowVersion)
    return { kind: 'undecided', error: new NewerRow(draft.id, row.v?.N ?? '', rowVersion) };
  if (row.status?.S !== 'COMPLETED')
    return { kind: 'undecided', error: new InProgressElsewhere(draft.id, row.status?.S ?? 'none') };
  if (row.commit?.S !== undefined && commits.has(row.commit.S)) return { kind: 'ours' };
  // A row of Powertools has no fingerprint of ours to hold against the message.
  const stored = row.fingerprint?.S;
  if (stored !== undefined && stored !== draft.fingerprint)
    return { kind: 'reused', error: new KeyReused(draft.id, stored, draft.fingerprint) };
  const result: unknown = row.data === undefined ? undefined : unmarshall({ data: row.data }).data;
  return { kind: 'duplicate', result, expiration: Number(row.expiration?.N ?? 0) };
}
