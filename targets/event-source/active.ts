import { GetFunctionCommand, ResourceNotFoundException, type LambdaClient } from '@aws-sdk/client-lambda';
import { setTimeout as sleep } from 'node:timers/promises';
import { FunctionNotActiveError } from './errors.js';

export interface ActiveOptions {
  /** @default 500 */
  readonly pauseMs?: number;
  /** @default 120,000 */
  readonly atMostMs?: number;
}

/**
 * Waits until a function that is being made can be invoked: calls before that fail. One that is gone, or whose target
 * tells no state, is not waited for, and neither is an inactive one, which a call wakes.
 *
 * @throws FunctionNotActiveError when it could not be made, or takes too long
 * @see https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
 */
export async function waitUntilActive(
  lambda: LambdaClient,
  functionArn: string,
  { pauseMs = 500, atMostMs = 120_000 }: ActiveOptions = {},
): Promise<void> {
  const until = Date.now() + atMostMs;
  for (;;) {
    const { State, StateReason } = await stateOf(lambda, functionArn);
    if (State !== 'Pending' && State !== 'Failed') return;
    if (State === 'Failed' || Date.now() + pauseMs > until)
      throw new FunctionNotActiveError(functionArn, State, StateReason);
    await sleep(pauseMs);
  }
}

async function stateOf(lambda: LambdaClient, FunctionName: string) {
  try {
    const { Configuration = {} } = await lambda.send(new GetFunctionCommand({ FunctionName }));
    return Configuration;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return {};
    throw error;
  }
}
