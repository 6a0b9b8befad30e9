import type { JSONValue } from '@aws-lambda-powertools/commons/types';
import {
  IdempotencyItemAlreadyExistsError,
  IdempotencyRecordStatus,
} from '@aws-lambda-powertools/idempotency';
import { IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import type { LeaseRow } from '../dedup/lease-store.js';

/**
 * What tells Powertools that somebody has the key: it shows the record to its user, or says that another call is
 * running.
 */
export function exists(row: LeaseRow | string): IdempotencyItemAlreadyExistsError {
  return new IdempotencyItemAlreadyExistsError(
    'the key is taken',
    typeof row === 'string' ? running(row) : recordOf(row),
  );
}

function running(idempotencyKey: string): IdempotencyRecord {
  return new IdempotencyRecord({ idempotencyKey, status: IdempotencyRecordStatus.INPROGRESS });
}

/** A row as Powertools sees it. Without its expiry: a completed one counts for as long as it is there (R7). */
export function recordOf({ id, status, result, validation, endsAt }: LeaseRow): IdempotencyRecord {
  return new IdempotencyRecord({
    idempotencyKey: id,
    status: status === 'COMPLETED' ? IdempotencyRecordStatus.COMPLETED : IdempotencyRecordStatus.INPROGRESS,
    inProgressExpiryTimestamp: endsAt,
    responseData: result as JSONValue,
    payloadHash: validation,
  });
}
