import { InvokeCommand, TooManyRequestsException, type LambdaClient } from '@aws-sdk/client-lambda';
import { setTimeout as sleep } from 'node:timers/promises';

/** How one synchronous invocation ended. */
export interface InvocationResult {
  /** The raw response. */
  readonly payload: string;
  /** Set when the function threw, timed out, was killed, or could not be invoked. */
  readonly functionError: string | undefined;
  /** The last 4 KB of the log. */
  readonly logTail: string;
  /** Whether the call got through. False: throttled to the end, or it is open whether the function ran. */
  readonly reached: boolean;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * Invokes the function with the event. Throttling is tried again, with growing pauses, until the batch becomes
 * visible again:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-backoff-strategy
 *
 * Any other failure of the call leaves it open whether the function ran: like a function error, it fails the batch.
 *
 * @param until when the batch becomes visible again, in milliseconds since the epoch; 0: one try
 */
export async function invoke(
  lambda: LambdaClient,
  functionArn: string,
  event: object,
  until: number,
): Promise<InvocationResult> {
  const command = new InvokeCommand({
    FunctionName: functionArn,
    LogType: 'Tail',
    Payload: JSON.stringify(event),
  });
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      const { Payload, FunctionError, LogResult } = await lambda.send(command);
      return {
        payload: Payload === undefined ? '' : Payload.transformToString(),
        functionError: FunctionError,
        logTail: Buffer.from(LogResult ?? '', 'base64').toString(),
        reached: true,
      };
    } catch (error) {
      if (!(error instanceof TooManyRequestsException) || Date.now() + pause >= until) {
        const { name, message } = error as Error;
        return { payload: '', functionError: name, logTail: message, reached: false };
      }
      await sleep(pause);
    }
  }
}
