import { Resource, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import type { IMessageChannel } from '../channel/channel-base.js';
import { kinds, type Kind } from '../guarantees/expect-kinds.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { ofAnotherRegion } from '../guarantees/same-region.js';

export interface RelayTargetOptions {
  /**
   * Types of the events that are sent there.
   *
   * @default - all
   */
  readonly types?: string[];
}

/** What a relay needs to know of a target. */
export interface RelayTargetConfig {
  /** The resource that events are sent to. */
  readonly resource: IConstruct;
  /**
   * Its address, under the name by which the runtime tells kinds of targets apart: `queueUrl`, `topicArn` or
   * `eventBusName`.
   */
  readonly address: { readonly [kind: string]: string };
  /** Whether one group's events arrive in the order in which they are sent. */
  readonly ordered: boolean;
  readonly types?: string[];
  /** The channel, where the target is one: its consumer's receipts must outlive the outbox. */
  readonly channel?: IMessageChannel;
}

/** Where an `OutboxRelay` sends events. */
export abstract class RelayTarget {
  /**
   * A channel. FIFO: in order within the group of the events, which is their aggregate unless they were published
   * with another one. Standard: unordered; a consumer that needs the order takes it from the event's version.
   */
  public static channel(channel: IMessageChannel, options: RelayTargetOptions = {}): RelayTarget {
    return new Target((grantee) => {
      channel.grants.sendMessages(grantee);
      const { queue } = channel;
      return {
        resource: queue,
        address: { queueUrl: queue.queueUrl },
        ordered: queue.fifo,
        channel,
        ...options,
      };
    });
  }

  /**
   * A standard topic: unordered. Its message attribute `type` serves filter policies.
   *
   * @throws InvalidProps when the topic is FIFO
   */
  public static topic(topic: ITopic, options: RelayTargetOptions = {}): RelayTarget {
    if (topic.fifo)
      throw new InvalidProps('RelayTarget', topic.node.path, [
        {
          id: 'topic-is-standard',
          given: 'the topic is FIFO',
          allowed: 'a standard one',
          change: 'give a standard topic, or send to FIFO channels: `RelayTarget.channel`',
        },
      ]);
    return new Target((grantee) => {
      topic.grantPublish(grantee);
      return { resource: topic, address: { topicArn: topic.topicArn }, ordered: false, ...options };
    });
  }

  /**
   * An EventBridge bus: unordered. Source and detail-type are those of the event, the detail is the whole event. It
   * may be another account's whose policy lets the relay put events there (`events:PutEvents`).
   *
   * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
   */
  public static eventBus(eventBus: IEventBus, options: RelayTargetOptions = {}): RelayTarget {
    return new Target((grantee) => {
      eventBus.grantPutEventsTo(grantee);
      return {
        resource: eventBus,
        address: { eventBusName: busAddress(eventBus, grantee) },
        ordered: false,
        ...options,
      };
    });
  }

  /** Called by the relay: lets it send, and says where to. */
  public abstract bind(relay: IGrantable): RelayTargetConfig;
}

/** Its name means a bus of the caller's own account; only its ARN says that it is another one's. */
function busAddress({ env, eventBusArn, eventBusName }: IEventBus, relay: IGrantable): string {
  const { principalAccount } = relay.grantPrincipal;
  const compared = Token.compareStrings(env.account, principalAccount ?? env.account);
  const isOurs = compared === TokenComparison.SAME || compared === TokenComparison.BOTH_UNRESOLVED;
  return isOurs ? eventBusName : eventBusArn;
}

class Target extends RelayTarget {
  constructor(private readonly binding: (relay: IGrantable) => RelayTargetConfig) {
    super();
  }

  public bind(relay: IGrantable): RelayTargetConfig {
    return this.binding(relay);
  }
}

/** A relay has somewhere to send to. One violation, or none. */
export function targetViolations(targets: readonly RelayTarget[]): Violation[] {
  if (targets.length > 0) return [];
  return [
    {
      id: 'relay-has-targets',
      given: '`targets` is empty',
      allowed: 'at least one target',
      change: 'give `targets`, such as `RelayTarget.channel(channel)`',
    },
  ];
}

/** What `expectKinds` has to look at: JavaScript lets something else pass. */
export function targetKinds(targets: readonly RelayTarget[]): Record<string, readonly [Kind, unknown]> {
  return Object.fromEntries(targets.map((one, index) => [`targets[${index}]`, [kinds.target, one]]));
}

/** A target that no client of the relay reaches: SQS, SNS and EventBridge are asked in its own Region. */
export function targetsElsewhere(scope: IConstruct, targets: readonly RelayTargetConfig[]): Violation[] {
  return targets.flatMap(({ resource }) =>
    Resource.isResource(resource)
      ? ofAnotherRegion(scope, `target '${resource.node.path}'`, { construct: resource })
      : [],
  );
}

/** What a report says of where events go. */
export function targetNotes(targets: readonly RelayTargetConfig[]): string[] {
  return targets.map(
    ({ resource, ordered, types }) =>
      `Sends ${types === undefined ? 'all events' : types.join(', ')} to '${resource.node.path}', ` +
      (ordered
        ? 'in order within a group.'
        : 'unordered: a consumer that needs the order takes it from the version of the event.'),
  );
}

/** The targets as `EXACTLY_ONCE_OUTBOX_TARGETS`, which the runtime reads. */
export function targetsText(scope: IConstruct, targets: readonly RelayTargetConfig[]): string {
  return Stack.of(scope).toJsonString(targets.map(({ address, types }) => ({ ...address, types })));
}
