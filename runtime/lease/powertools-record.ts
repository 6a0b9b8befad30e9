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

/**
 * An outcome as Powertools sees it. Without its expiry: it counts for as long as it is there (R7). And never with
 * `undefined`, for which Middy would run the handler once more.
 */
export function completed(
  idempotencyKey: string,
  result: unknown,
  payloadHash: string | undefined,
): IdempotencyRecord {
  return new IdempotencyRecord({
    idempotencyKey,
    status: IdempotencyRecordStatus.COMPLETED,
    responseData: (result ?? null) as JSONValue,
    payloadHash,
  });
}

/** A row as Powertools sees it. */
export function recordOf({ id, status, result, validation, endsAt }: LeaseRow): IdempotencyRecord {
  if (status === 'COMPLETED') return completed(id, result, validation);
  return new IdempotencyRecord({
    idempotencyKey: id,
    status: IdempotencyRecordStatus.INPROGRESS,
    inProgressExpiryTimestamp: endsAt,
    payloadHash: validation,
  });
}
