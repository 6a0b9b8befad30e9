import { InvokeCommand, TooManyRequestsException, type LambdaClient } from '@aws-sdk/client-lambda';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqsRecord } from './record.js';

/** How one synchronous invocation ended. */
export interface InvocationResult {
  /** The raw response. */
  readonly payload: string;
  /** Set when the function threw, timed out, was killed, or could not be invoked. */
  readonly functionError: string | undefined;
  /** The last 4 KB of the log. */
  readonly logTail: string;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * Invokes the function with the records. Throttling is tried again, with growing pauses, until the batch becomes
 * visible again: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-backoff-strategy
 *
 * Any other failure of the call leaves it open whether the function ran: like a function error, it fails the batch.
 *
 * @param until when the batch becomes visible again, in milliseconds since the epoch
 */
export async function invoke(
  lambda: LambdaClient,
  functionArn: string,
  records: readonly SqsRecord[],
  until: number,
): Promise<InvocationResult> {
  const command = new InvokeCommand({
    FunctionName: functionArn,
    LogType: 'Tail',
    Payload: JSON.stringify({ Records: records }),
  });
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      const { Payload, FunctionError, LogResult } = await lambda.send(command);
      return {
        payload: Payload === undefined ? '' : Payload.transformToString(),
        functionError: FunctionError,
        logTail: Buffer.from(LogResult ?? '', 'base64').toString(),
      };
    } catch (error) {
      if (!(error instanceof TooManyRequestsException) || Date.now() + pause >= until) {
        return { payload: '', functionError: (error as Error).name, logTail: (error as Error).message };
      }
      await sleep(pause);
    }
  }
}
