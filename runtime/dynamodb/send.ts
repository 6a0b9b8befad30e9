import { setMaxListeners } from 'node:events';
import type {
  $Command,
  ConsumedCapacity,
  DynamoDBClient,
  DynamoDBClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb';
import { CommitFailed, DependencyFailed, errorText, ExactlyOnceError } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';

type Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<
  Input,
  Output,
  DynamoDBClientResolvedConfig
>;

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

/** A single request that met a transaction, or too many others: nothing was written, and the same request may be sent again. */
const passing = new Set([
  'TransactionConflictException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
]);

/**
 * The only way from this room to DynamoDB. Does not begin past the deadline, is given up at it even if the client never answers, and
 * counts what it costs.
 *
 * @param kind whose units the answer reports
 * @throws the SDK's own error where DynamoDB has judged the request: a condition, a cancelled transaction, a validation.
 * @throws DependencyFailed for everything else: the call was refused, or its outcome is not known.
 */
export async function send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  client: DynamoDBClient,
  command: Command<Input, Output>,
  limits: Limits,
  kind: 'read' | 'write',
): Promise<Output> {
  const { deadline, meter } = limits;
  if (Date.now() >= deadline)
    throw new DependencyFailed('no time is left for a call to DynamoDB; none was made');
  meter.call();
  try {
    const answer = await untilOver(limits, (abortSignal) => client.send(command, { abortSignal }));
    const { ConsumedCapacity: consumed } = answer as {
      ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
    };
    if (consumed !== undefined) meter[kind]([consumed].flat());
    return answer;
  } catch (cause) {
    if (cause instanceof DependencyFailed || isAnswer(cause)) throw cause;
    throw new DependencyFailed(`DynamoDB did not do what was asked: ${errorText(cause)}`, { cause });
  }
}

/** One timer for whoever brings no signal; none on the way of a batch, which has one. */
async function untilOver<T>(
  { deadline, signal }: Limits,
  begin: (signal?: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = signal === undefined && deadline !== Infinity ? new AbortController() : undefined;
  const over = signal ?? own?.signal;
  if (over === undefined) return begin();
  // A batch has as many calls at once as it has lanes, and each of them listens.
  setMaxListeners(0, over);
  const timer = own && setTimeout(() => own.abort(), Math.max(0, deadline - Date.now()));
  timer?.unref();
  let giveUp: (() => void) | undefined;
  try {
    return await Promise.race([
      begin(over),
      new Promise<never>((_, reject) => {
        giveUp = () =>
          reject(new DependencyFailed('DynamoDB has not answered by the deadline; the outcome is unknown'));
        if (over.aborted) giveUp();
        else over.addEventListener('abort', giveUp, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (giveUp !== undefined) over.removeEventListener('abort', giveUp);
  }
}

function isAnswer(error: unknown): error is Error {
  return error instanceof Error && answers.has(error.name);
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

/** A failure of a commit: an outage as CommitFailed with a hint at its reason, what has a fault of its own as it is. */
export function commitFailed(error: unknown, tableName: string): ExactlyOnceError {
  if (error instanceof CommitFailed) return error;
  if (error instanceof ExactlyOnceError && error.fault !== 'dependency') return error;
  const cause = error instanceof DependencyFailed && error.cause !== undefined ? error.cause : error;
  const hint =
    cause instanceof Error && cause.name === 'ResourceNotFoundException'
      ? ` (is '${tableName}' the right table, and are all tables of the handler deployed?)`
      : '';
  return new CommitFailed(`commit failed or its outcome is unknown: ${errorText(cause)}${hint}`, { cause });
}
