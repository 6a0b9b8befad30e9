import type {
  $Command,
  DynamoDBClient,
  DynamoDBClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb';
import { CommitFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';

/** What DynamoDB says of the request itself. Anything else that it says is no fault of the message's (R44). */
const ofTheRequest = new Set([
  'ConditionalCheckFailedException',
  'TransactionCanceledException',
  'ValidationException',
  'ItemCollectionSizeLimitExceededException',
]);

/**
 * One call, given up at the deadline (R22).
 *
 * @throws CommitFailed when it was not answered, or refused for another reason than the request itself; the reason is the `cause`. What it
 *   was to write may have been written.
 * @throws whatever DynamoDB says of the request itself.
 */
export async function send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  client: DynamoDBClient,
  command: $Command<Input, Output, DynamoDBClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
  { deadline, signal }: Limits,
): Promise<Output> {
  const left = deadline - Date.now();
  if (left <= 0) throw new CommitFailed('no time is left for a call to DynamoDB');
  try {
    return await client.send(command, { abortSignal: signal ?? AbortSignal.timeout(left) });
  } catch (cause) {
    if (cause instanceof Error && ofTheRequest.has(cause.name)) throw cause;
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new CommitFailed(`DynamoDB did not answer as expected: ${text}`, { cause });
  }
}
