import type { Construct } from 'constructs';
import type { IMessageChannel } from '../channel/channel-base.js';
import type { ChannelWorkload } from '../channel/channel-workload.js';
import { ChannelKind } from '../channel/message-channel-props.js';
import { isOneWhole } from '../guarantees/claims.js';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import type { PeakNeed } from '../guarantees/peak-need.js';
import type { Unproven } from '../guarantees/unproven.js';
import { CommitWay } from './commit-way.js';
import { madeHere } from './consumer-function.js';
import { IdempotentConsumer } from './idempotent-consumer.js';
import type { ConsumerOptions } from './idempotent-consumer-props.js';
import { OnFailure } from './on-failure.js';

/** What both sides have in common. */
export interface Both {
  readonly constructClass: string;
  readonly workloads: readonly (ChannelWorkload | undefined)[];
  /** Whether nothing of the second is processed while the first has messages. @default false */
  readonly oneAfterTheOther?: boolean;
  readonly props: ConsumerOptions & { readonly entry: string };
  /** What the peak of both together needs. */
  readonly peak?: readonly PeakNeed[];
}

interface Side {
  readonly id: string;
  readonly channel: IMessageChannel;
  /** Whether its mapping is off. @default false */
  readonly waits?: boolean;
}

/**
 * Two functions of one code on two channels, with one name and one table: what came by one is recognised when it
 * comes by the other (R32).
 *
 * @throws InvalidProps when order is asked for and nothing keeps it over both
 */
export function consumeBoth(
  scope: Construct,
  { constructClass, workloads, oneAfterTheOther = false, props, peak }: Both,
  [first, second]: readonly [Side, Side],
): [IdempotentConsumer, IdempotentConsumer] {
  const ordered = workloads.some((workload) => workload?.ordered === true);
  const violations = orderViolations(props, ordered && !oneAfterTheOther);
  if (violations.length > 0) throw new InvalidProps(constructClass, scope.node.path, violations);
  isOneWhole(scope);
  const byVersion = props.commitWay === CommitWay.AGGREGATE;
  const consume = ({ id, channel, waits = false }: Side): IdempotentConsumer => {
    const consumer = new IdempotentConsumer(scope, id, {
      ...props,
      channel,
      enabled: waits ? false : props.enabled,
      onFailure: props.onFailure ?? (byVersion ? undefined : OnFailure.SKIP),
      // Lambda has none for FIFO queues.
      maxBatchingWindow: channel.kind === ChannelKind.FIFO ? undefined : props.maxBatchingWindow,
    });
    madeHere(consumer.function)?.addEnvironment('EXACTLY_ONCE_SPILLOVER', 'true');
    return consumer;
  };
  const made: [IdempotentConsumer, IdempotentConsumer] = [consume(first), consume(second)];
  GuaranteeReport.record(constructClass, scope, { unproven: [identity(byVersion)], peak });
  return made;
}

/** What one queue knows of an order, the other does not: only versions of the producer hold over both. */
function orderViolations({ commitWay, onFailure }: ConsumerOptions, ordered: boolean): Violation[] {
  if (commitWay === CommitWay.AGGREGATE) return [];
  const common = {
    id: 'two-queues-keep-order-by-version',
    allowed:
      'CommitWay.AGGREGATE, whose positions are the producer’s versions: the two queues have no common order',
  };
  const way = commitWay ?? CommitWay.TRANSACTION;
  return [
    ...(ordered
      ? [
          {
            ...common,
            given: `workload is ordered and commitWay is ${way}`,
            change: 'give `commitWay`, or `ordered: false`',
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
