import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { CliError } from './cli-error.js';

/** What a queue says of itself and of its dead letters. */
interface QueuePolicy {
  readonly arn: string;
  /** ARN of its dead-letter queue. */
  readonly deadLetters: string | undefined;
}

export async function redrivePolicy(sqs: SQSClient, QueueUrl: string): Promise<QueuePolicy> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'RedrivePolicy'] }),
  );
  const policy = JSON.parse(Attributes.RedrivePolicy ?? '{}') as { deadLetterTargetArn?: string };
  return { arn: Attributes.QueueArn ?? '', deadLetters: policy.deadLetterTargetArn };
}

/**
 * Compares two queues that were given by hand with the redrive policies of both. A queue without a policy says
 * nothing.
 *
 * @throws CliError when they do not belong together, or are the wrong way round
 */
export async function assertDeadLettersOf(
  sqs: SQSClient,
  queueUrl: string,
  deadLetterQueueUrl: string,
): Promise<void> {
  const [queue, letters] = await Promise.all([
    redrivePolicy(sqs, queueUrl),
    redrivePolicy(sqs, deadLetterQueueUrl),
  ]);
  if (letters.deadLetters !== undefined && letters.deadLetters === queue.arn)
    throw new CliError(
      `the dead letters of ${letters.arn} are in ${queue.arn}: --queue and --dead-letter-queue are the wrong way round`,
    );
  if (queue.deadLetters !== undefined && queue.deadLetters !== letters.arn)
    throw new CliError(
      `the dead letters of ${queue.arn} are in ${queue.deadLetters}, not in ${letters.arn}: give that one, or leave out --dead-letter-queue`,
    );
}

/**
 * A consumer is told nothing through a queue that it does not read, and one that it reads has dead letters.
 *
 * @throws CliError when the queue sends dead letters nowhere
 */
export async function assertHasDeadLetters(sqs: SQSClient, queueUrl: string): Promise<void> {
  const { arn, deadLetters } = await redrivePolicy(sqs, queueUrl);
  if (deadLetters === undefined)
    throw new CliError(
      `${arn} has no redrive policy, as a queue of dead letters has none: give the queue that the consumer reads as --queue, or --function`,
    );
}
