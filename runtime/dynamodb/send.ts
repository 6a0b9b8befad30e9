import { setMaxListeners } from 'node:events';
import type {
  $Command,
  ConsumedCapacity,
  DynamoDBClient,
  DynamoDBClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb';
import { DependencyFailed } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';

type Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<
  Input,
  Output,
  DynamoDBClientResolvedConfig
>;

/**
 * The only way from this room to DynamoDB. Does not begin past the deadline, is given up at it even if the client
 * never answers, and counts what it costs.
 *
 * @param kind whose units the answer reports
 * @throws the SDK's own error where DynamoDB has judged the request: a condition, a cancelled transaction, a
 *   validation.
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
    const { thrown } = await import('./call-failed.js');
    throw thrown(cause);
  }
}

/** One timer for whoever brings no signal; none on the way of a batch, which has one. */
async function untilOver<T>(
  { deadline, signal }: Limits,
  begin: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal !== undefined) {
    // A batch has as many calls at once as it has lanes, and each of them listens.
    setMaxListeners(0, signal);
    return unlessAborted(begin(signal), signal, unanswered);
  }
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(), timerMs(deadline - Date.now()));
  timer.unref();
  try {
    return await unlessAborted(begin(own.signal), own.signal, unanswered);
  } finally {
    clearTimeout(timer);
  }
}

function unanswered(): DependencyFailed {
  return new DependencyFailed('DynamoDB has not answered by the deadline; the outcome is unknown');
}
