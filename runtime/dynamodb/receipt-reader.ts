import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { rowVersion } from './receipt.js';

/** A stored receipt as it is, whoever asks: no message is held against it. */
export interface StoredReceipt {
  /** Only a completed one proves that its message was processed (R7). */
  readonly completed: boolean;
  /**
   * `COMPLETED`, or what another writer of the table left: Powertools' `INPROGRESS`, `EXPIRED`; `none` without one.
   */
  readonly status: string;
  /** Of the payload. Rows of Powertools have none of ours. */
  readonly fingerprint?: string;
  /** Epoch seconds: DynamoDB may delete the row after it. 0 when the row never expires. */
  readonly expiration: number;
  /** What the handler returned. Integers that a double cannot hold are `bigint`. */
  readonly result?: unknown;
}

/**
 * Reads a row of the dedup table as a receipt.
 *
 * @throws NewerRow when a newer version of the library wrote it (R17): what it means is not known.
 */
export function readReceipt(row: Readonly<Record<string, AttributeValue>>): StoredReceipt {
  const version = row['v']?.N ?? '0';
  if (Number(version) > rowVersion) throw new NewerRow(row['id']?.S ?? '', version, rowVersion);
  const status = row['status']?.S ?? 'none';
  const { data } = row;
  return {
    completed: status === 'COMPLETED',
    status,
    fingerprint: row['fingerprint']?.S,
    expiration: Number(row['expiration']?.N ?? 0),
    result: data === undefined ? undefined : (unmarshall({ data })['data'] as unknown),
  };
}
