import { CommitFailed, DependencyFailed, errorText, ExactlyOnceError } from '../dedup/errors.js';

/** What DynamoDB says of the request itself, for its sender to judge. Everything else is an outage of some kind. */
const answers = new Set([
  'ConditionalCheckFailedException',
  'TransactionCanceledException',
  'TransactionInProgressException',
  'IdempotentParameterMismatchException',
  'ValidationException',
  'SerializationException',
  'ItemCollectionSizeLimitExceededException',
]);

/**
 * A single request that met a transaction, or too many others: nothing was written, and the same request may be sent
 * again.
 */
const passing = new Set([
  'TransactionConflictException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
]);

/** What DynamoDB says of one table among those of a request, without telling which. */
const ofSomeTable = new Set(['ResourceNotFoundException', 'AccessDeniedException']);

/** Calls that DynamoDB has turned away before it looked at what is in them. */
const turnedAway = new Set([
  ...passing,
  ...ofSomeTable,
  'UnrecognizedClientException',
  'ExpiredTokenException',
  'InvalidSignatureException',
]);

/** Whether it may be about a table that only one of those who share the request has to do with. */
export function isOfSomeTable({ cause }: { readonly cause?: unknown }): boolean {
  return cause instanceof Error && ofSomeTable.has(cause.name);
}

/** Whether nothing was written. Of a call that the SDK had sent before, only the last answer is known. */
function wasTurnedAway(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    turnedAway.has(cause.name) &&
    (cause as { readonly $metadata?: { readonly attempts?: number } }).$metadata?.attempts === 1
  );
}

function isAnswer(error: unknown): error is Error {
  return error instanceof Error && answers.has(error.name);
}

/**
 * What the sender of a call that failed is to see: the SDK's own error where DynamoDB has judged the request, else
 * whose fault it is.
 */
export function thrown(cause: unknown): Error {
  if (cause instanceof DependencyFailed || isAnswer(cause)) return cause;
  return new DependencyFailed(`DynamoDB did not do what was asked: ${errorText(cause)}`, { cause });
}

/** Whether DynamoDB refused the request for what is in it, and not for what is stored. */
export function isRefusal(error: unknown): error is Error {
  return (
    isAnswer(error) &&
    (error.name === 'ValidationException' ||
      error.name === 'SerializationException' ||
      error.name === 'ItemCollectionSizeLimitExceededException')
  );
}

/** Whether nothing was written and the same request may succeed a little later. */
export function isPassing(error: unknown): boolean {
  return error instanceof DependencyFailed && error.cause instanceof Error && passing.has(error.cause.name);
}

/**
 * A failure of a commit: an outage as CommitFailed with a hint at its reason, what has a fault of its own as it is.
 */
export function commitFailed(error: unknown, tableName: string): ExactlyOnceError {
  if (error instanceof CommitFailed) return error;
  if (error instanceof ExactlyOnceError && error.fault !== 'dependency') return error;
  const cause = error instanceof DependencyFailed && error.cause !== undefined ? error.cause : error;
  const hint =
    cause instanceof Error && cause.name === 'ResourceNotFoundException'
      ? ` (is '${tableName}' the right table, and are all tables of the handler deployed?)`
      : '';
  return new CommitFailed(`commit failed or its outcome is unknown: ${errorText(cause)}${hint}`, {
    cause,
    nothingWritten: wasTurnedAway(cause),
  });
}
