import { type Duration, Size, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Workload } from './choice/workload.js';

/** What a channel has to hold, as its owner expects it. Peaks that last, not those of a second. */
export interface ChannelWorkload {
  /** Whether a later message of a group must not act before an earlier one. */
  readonly ordered: boolean;

  /** Messages a second at the peak, of all groups together. */
  readonly peakMessagesPerSecond: number;

  /**
   * Messages a second of the busiest group: a customer, an account, a tenant.
   *
   * @default - `peakMessagesPerSecond`: all of it may be one group's
   */
  readonly busiestGroupMessagesPerSecond?: number;

  /** How long the consumer takes for one message. */
  readonly consumerTimePerMessage: Duration;

  /**
   * Size of a message with its attributes.
   *
   * @default Size.kibibytes(4)
   */
  readonly messageSize?: Size;

  /**
   * Whether producers number their messages per aggregate, as the outbox does. Then consumers keep the order on
   * Standard, too.
   *
   * @default false
   */
  readonly versioned?: boolean;

  /**
   * Messages in one call of the sender, 1 to 10, on average at the peak.
   *
   * @default 1
   */
  readonly sendBatchSize?: number;
}

/** The workload in plain numbers. The Region is that of the stack. */
export function plainWorkload(scope: Construct, workload: ChannelWorkload): Workload {
  const { peakMessagesPerSecond, busiestGroupMessagesPerSecond, messageSize, consumerTimePerMessage } =
    workload;
  const { region } = Stack.of(scope);
  return {
    ordered: workload.ordered,
    versioned: workload.versioned ?? false,
    peakPerSecond: peakMessagesPerSecond,
    busiestGroupPerSecond: busiestGroupMessagesPerSecond ?? peakMessagesPerSecond,
    messageBytes: (messageSize ?? Size.kibibytes(4)).toBytes(),
    region: Token.isUnresolved(region) ? undefined : region,
    consumerMs: consumerTimePerMessage.toMilliseconds(),
    sendBatch: workload.sendBatchSize ?? 1,
    consumerBatch: 10,
  };
}
