import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { CliError } from './cli-error.js';

/**
 * @param queue URL, ARN or name
 * @throws CliError when there is no such queue. A URL is taken as it is.
 */
export async function queueUrlOf(sqs: SQSClient, queue: string): Promise<string> {
  if (/^https?:\/\//.test(queue)) return queue;
  const [name = '', account] = queue.startsWith('arn:') ? queue.split(':').reverse() : [queue];
  try {
    const answer = await sqs.send(
      new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
    );
    return answer.QueueUrl ?? '';
  } catch (cause) {
    if (!(cause instanceof Error) || !/NonExistentQueue|QueueDoesNotExist/.test(cause.name)) throw cause;
    throw new CliError(
      `there is no queue '${queue}' in this account and Region: check --region, or give its URL`,
      { cause },
    );
  }
}
