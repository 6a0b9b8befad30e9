import { Duration } from 'aws-cdk-lib';

/** The longest ways on which a message can come back. */
export interface HorizonProps {
  /** How long a producer may send one message again after its first try. */
  readonly producerRetryHorizon: Duration;
  /** How often one message may be sent back from the dead-letter queue. */
  readonly maxRedrives: number;
  /** Retention of the queue. */
  readonly queueRetention: Duration;
  /** Retention of its dead-letter queue. */
  readonly deadLetterRetention: Duration;
}

/**
 * How long after a producer's first try a copy of the message can still arrive: the producer retries to the end of
 * its horizon, then the copy spends the whole retention of the queue and of the dead-letter queue, once and again
 * after each redrive (a redriven message is a new message with a new retention).
 *
 * A receipt that is kept for less forgets a message that may yet come, which then acts twice (R8). This is the only
 * place where the horizon is computed; the runtime is given the resulting retention.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export function horizon(props: HorizonProps): Duration {
  const round = props.queueRetention.toSeconds() + props.deadLetterRetention.toSeconds();
  return Duration.seconds(props.producerRetryHorizon.toSeconds() + (1 + props.maxRedrives) * round);
}
