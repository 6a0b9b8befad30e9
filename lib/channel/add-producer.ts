import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { queueElsewhere } from '../guarantees/same-region.js';
import { tellFunction } from '../guarantees/told-functions.js';
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
  /** The channel, and its class. */
  readonly channel: IConstruct;
  readonly constructClass: string;
  readonly queue: IQueue;
  readonly spillover?: IQueue;
  readonly options: ProducerOptions;
}

/** It is part of the names of variables. */
export function assertProducerName(name: string): void {
  if (!/^[A-Z0-9_]{1,32}$/.test(name))
    throw new Error(`name of the producer is '${name}', must be 1 to 32 of A-Z 0-9 _: change \`name\``);
}

/**
 * Permissions, and the environment that `channelSettings` of the runtime reads.
 *
 * @throws InvalidProps where the function sends to another channel under the same name, or is of another Region
 */
export function addProducer(
  producer: LambdaFunction,
  { channel, constructClass, queue, spillover, options }: Producing,
): void {
  const { name = 'CHANNEL', payloads } = options;
  assertProducerName(name);
  const elsewhere = queueElsewhere(producer, 'channel', queue);
  if (elsewhere.length > 0) throw new InvalidProps(constructClass, channel.node.path, elsewhere);
  const prefix = `EXACTLY_ONCE_${name}`;
  const variables = {
    [`${prefix}_QUEUE_URL`]: queue.queueUrl,
    ...(spillover !== undefined && { [`${prefix}_SPILLOVER_QUEUE_URL`]: spillover.queueUrl }),
    ...(payloads !== undefined && { [`${prefix}_CLAIM_BUCKET`]: payloads.bucket.bucketName }),
  };
  tellFunction(producer, variables, {
    constructClass,
    by: channel,
    change: 'give this channel another `name`, here and as second argument of `channelSettings`',
  });
  queue.grantSendMessages(producer);
  spillover?.grantSendMessages(producer);
  payloads?.grantWrite(producer);
}
