import type * as Lambda from '@aws-sdk/client-lambda';
import { CliError } from './cli-error.js';

/** What a deployed consumer function is set to. */
export interface DeployedFunction {
  readonly consumerName?: string;
  readonly dedupTable?: string;
  readonly receiptRetentionSeconds?: number;
  readonly queueUrl?: string;
  readonly deadLetterQueueUrl?: string;
}

/**
 * Reads the environment of a function that IdempotentConsumer made. Needs the permission
 * lambda:GetFunctionConfiguration.
 *
 * @throws CliError when `@aws-sdk/client-lambda` is not installed, or the function is not there or no consumer.
 */
export async function deployedFunction(
  name: string,
  client: { readonly region?: string; readonly endpoint?: string },
): Promise<DeployedFunction> {
  const sdk = await lambdaSdk();
  const lambda = new sdk.LambdaClient(client);
  try {
    const { Environment } = await lambda.send(
      new sdk.GetFunctionConfigurationCommand({ FunctionName: name }),
    );
    const variables = Environment?.Variables ?? {};
    if (variables.EXACTLY_ONCE_CONSUMER_NAME === undefined)
      throw new CliError(
        `function '${name}' has no EXACTLY_ONCE_CONSUMER_NAME, so it is no consumer of this library: name the function that IdempotentConsumer made`,
      );
    const retention = variables.EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS;
    return {
      consumerName: variables.EXACTLY_ONCE_CONSUMER_NAME,
      dedupTable: variables.EXACTLY_ONCE_DEDUP_TABLE,
      receiptRetentionSeconds: retention === undefined ? undefined : Number(retention),
      queueUrl: variables.EXACTLY_ONCE_QUEUE_URL,
      deadLetterQueueUrl: variables.EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL,
    };
  } catch (cause) {
    if (!(cause instanceof sdk.ResourceNotFoundException)) throw cause;
    throw new CliError(`there is no function '${name}' in this account and Region: check --region`, {
      cause,
    });
  } finally {
    lambda.destroy();
  }
}

/** Loaded when it is asked for: who names queue and table by hand need not install it. */
async function lambdaSdk(): Promise<typeof Lambda> {
  try {
    return await import('@aws-sdk/client-lambda');
  } catch (cause) {
    throw new CliError(
      '--function needs the package @aws-sdk/client-lambda: npm install @aws-sdk/client-lambda, or give --consumer, --dedup-table and --queue',
      { cause },
    );
  }
}
