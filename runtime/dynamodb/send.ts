import type {
  DynamoDBClient,
  DynamoDBClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb';
import type { Command } from '@smithy/types';
import { DependencyFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';

/**
 * The one way to call DynamoDB. No call starts past the deadline, and none outlives it: neither one that the service does not answer, nor
 * one that hangs before it is sent (R22).
 *
 * @throws DependencyFailed past the deadline; whatever the SDK throws otherwise.
 */
export async function send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  client: DynamoDBClient,
  command: Command<ServiceInputTypes, Input, ServiceOutputTypes, Output, DynamoDBClientResolvedConfig>,
  { deadline, signal, meter }: Limits,
): Promise<Output> {
  const left = deadline - Date.now();
  if (left <= 0 || signal?.aborted) throw outOfTime();
  const until = signal ?? AbortSignal.timeout(Math.min(left, 2 ** 31 - 1));
  meter.call();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(outOfTime());
  until.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([client.send(command, { abortSignal: until }), promise]);
  } finally {
    until.removeEventListener('abort', abort);
  }
}

function outOfTime(): DependencyFailed {
  return new DependencyFailed('DynamoDB has not answered within the time that the function has left');
}
