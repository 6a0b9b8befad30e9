import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { PayloadBucket } from './payload-bucket.js';

/** How a function sends to a channel. */
export interface ProducerOptions {
  /**
   * Tells the channels of one function apart, as second argument of `channelSettings`: 1 to 32 of `A-Z 0-9 _`.
   *
   * @default 'CHANNEL'
   */
  readonly name?: string;

  /**
   * Where bodies go that are too large for a queue.
   *
   * @default - none, such a message is refused
   */
  readonly payloads?: PayloadBucket;
}

interface Producing {
  readonly queue: IQueue;
  readonly spillover?: IQueue;
  readonly options: ProducerOptions;
}

/** Permissions, and the environment that `channelSettings` of the runtime reads. */
export function addProducer(producer: LambdaFunction, { queue, spillover, options }: Producing): void {
  const { name = 'CHANNEL', payloads } = options;
  if (!/^[A-Z0-9_]{1,32}$/.test(name))
    throw new Error(`name of the producer is '${name}', must be 1 to 32 of A-Z 0-9 _: change \`name\``);
  const prefix = `EXACTLY_ONCE_${name}`;
  producer.addEnvironment(`${prefix}_QUEUE_URL`, queue.queueUrl);
  queue.grantSendMessages(producer);
  if (spillover !== undefined) {
    producer.addEnvironment(`${prefix}_SPILLOVER_QUEUE_URL`, spillover.queueUrl);
    spillover.grantSendMessages(producer);
  }
  if (payloads !== undefined) {
    producer.addEnvironment(`${prefix}_CLAIM_BUCKET`, payloads.bucket.bucketName);
    payloads.grantWrite(producer);
  }
}
