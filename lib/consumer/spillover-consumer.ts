import { Construct } from 'constructs';
import type { SpilloverChannel } from '../channel/spillover-channel.js';
import { isOneWhole } from '../guarantees/claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { Unproven } from '../guarantees/unproven.js';
import { CommitWay } from './commit-way.js';
import { IdempotentConsumer } from './idempotent-consumer.js';
import type { ConsumerOptions } from './idempotent-consumer-props.js';
import { OnFailure } from './on-failure.js';

/** See the props of the same names of IdempotentConsumer: they are those of both functions. */
export interface SpilloverConsumerProps extends ConsumerOptions {
  /** Where the messages come from. */
  readonly channel: SpilloverChannel;

  /** Absolute path of the file that exports `handler`, to build both functions from. */
  readonly entry: string;
}

/**
 * One handler on both queues of a channel: two functions of one code, one `consumerName`, one table. A message that
 * came by one queue is recognised when it comes by the other.
 *
 * Guarantees: as IdempotentConsumer, over both queues together. The identity has to be the producer's: a key, or with
 * CommitWay.AGGREGATE the producer's version, which also keeps the order over both queues. A group cannot be stopped
 * by a failure without versions, because the other queue does not know: OnFailure.SKIP is the default there.
 *
 * @throws InvalidProps when order is asked for and nothing keeps it, and as IdempotentConsumer does
 */
export class SpilloverConsumer extends Construct {
  /** Processes what comes by FIFO. */
  public readonly fifo: IdempotentConsumer;
  /** Processes what was spilled. */
  public readonly standard: IdempotentConsumer;

  constructor(scope: Construct, id: string, props: SpilloverConsumerProps) {
    super(scope, id);
    const { channel, maxBatchingWindow, ...common } = props;
    const violations = orderViolations(props);
    if (violations.length > 0) throw new InvalidProps('SpilloverConsumer', this.node.path, violations);
    isOneWhole(this);
    const byVersion = props.commitWay === CommitWay.AGGREGATE;
    const both = { ...common, onFailure: props.onFailure ?? (byVersion ? undefined : OnFailure.SKIP) };
    this.fifo = new IdempotentConsumer(this, 'Fifo', { ...both, channel: channel.fifo });
    this.standard = new IdempotentConsumer(this, 'Standard', {
      ...both,
      maxBatchingWindow,
      channel: channel.standard,
    });
    for (const { function: handler } of [this.fifo, this.standard])
      if ('addEnvironment' in handler)
        (handler as { addEnvironment(name: string, value: string): unknown }).addEnvironment(
          'EXACTLY_ONCE_SPILLOVER',
          'true',
        );
    GuaranteeReport.record('SpilloverConsumer', this, { unproven: [identity(byVersion)] });
  }
}

/** What one queue knows of an order, the other does not: only versions of the producer hold over both. */
function orderViolations({ channel, commitWay, onFailure }: SpilloverConsumerProps): Violation[] {
  if (commitWay === CommitWay.AGGREGATE) return [];
  const common = {
    id: 'spillover-keeps-order-by-version',
    allowed:
      'CommitWay.AGGREGATE, whose positions are the producer’s versions: the two queues have no common order',
  };
  const way = commitWay ?? CommitWay.TRANSACTION;
  return [
    ...(channel.workload?.ordered === true
      ? [
          {
            ...common,
            given: `workload is ordered and commitWay is ${way}`,
            change: 'give `commitWay`, or `ordered: false`, or a MessageChannel',
          },
        ]
      : []),
    ...(onFailure === OnFailure.STOP
      ? [
          {
            ...common,
            given: `onFailure is STOP and commitWay is ${way}`,
            change: 'give `commitWay`, or OnFailure.SKIP',
          },
        ]
      : []),
  ];
}

function identity(byVersion: boolean): Unproven {
  return {
    id: 'one-identity-on-both-queues',
    required: byVersion
      ? 'the handler takes the version from the producer (`version` is a function); with sequence numbers it does not start'
      : 'the handler makes the key of what the producer wrote, such as `sentKey`, never of anything that a queue gives',
    check: 'the source of the handler',
  };
}
