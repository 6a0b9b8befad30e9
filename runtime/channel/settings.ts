import { InvalidSettings } from '../dedup/errors.js';

/** What the constructs know of a channel at synth and its producers need at run time. */
export interface ChannelSettings {
  /** FIFO when it ends in `.fifo`. */
  readonly queueUrl: string;
  /** Standard queue of the same channel that takes what FIFO throttles. @default - nothing is spilled */
  readonly spilloverQueueUrl?: string;
  /** Bucket for bodies that are too large for a queue. @default - none, such a body is refused */
  readonly claimBucket?: string;
}

/**
 * Reads the settings that `addProducer` of a channel put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @param name that `addProducer` was given, for a function that sends to several channels
 * @throws InvalidSettings naming the variable that is missing
 */
export function channelSettings(
  environment: Readonly<Record<string, string | undefined>>,
  name = 'CHANNEL',
): ChannelSettings {
  const prefix = `EXACTLY_ONCE_${name}`;
  const queueUrl = environment[`${prefix}_QUEUE_URL`];
  if (!queueUrl)
    throw new InvalidSettings([
      `${prefix}_QUEUE_URL is not set; call addProducer of the channel, or set it by hand`,
    ]);
  return {
    queueUrl,
    spilloverQueueUrl: environment[`${prefix}_SPILLOVER_QUEUE_URL`] || undefined,
    claimBucket: environment[`${prefix}_CLAIM_BUCKET`] || undefined,
  };
}
