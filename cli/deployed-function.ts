import { CliError } from './cli-error.js';
import { functionEnvironment, type Environment } from './lambda-client.js';

/** What a deployed consumer function is set to. */
export interface DeployedConsumer {
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
export async function deployedConsumer(
  name: string,
  client: { readonly region?: string; readonly endpoint?: string },
): Promise<DeployedConsumer> {
  const environment = await functionEnvironment(name, client, '--consumer, --dedup-table and --queue');
  const consumer = consumerIn(environment);
  if (consumer !== undefined) return consumer;
  throw new CliError(
    `function '${name}' has no EXACTLY_ONCE_CONSUMER_NAME, so it is no consumer of this library: name the function that IdempotentConsumer made`,
  );
}

/** Undefined when it is the environment of no consumer. */
export function consumerIn(environment: Environment): DeployedConsumer | undefined {
  const {
    EXACTLY_ONCE_CONSUMER_NAME: consumerName,
    EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: retention,
    EXACTLY_ONCE_DEDUP_TABLE: dedupTable,
    EXACTLY_ONCE_QUEUE_URL: queueUrl,
    EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
  } = environment;
  if (consumerName === undefined) return undefined;
  return {
    ...{ consumerName, dedupTable, queueUrl, deadLetterQueueUrl },
    receiptRetentionSeconds: retention === undefined ? undefined : Number(retention),
  };
}
