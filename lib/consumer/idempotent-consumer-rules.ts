import { type Duration, Token } from 'aws-cdk-lib';
import { ChannelKind } from '../channel/message-channel-props.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';

const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * What is wrong with the props of a consumer by themselves.
 *
 * @param horizon absent when a part of it is a token.
 */
export function consumerViolations(
  props: IdempotentConsumerProps,
  horizon: Duration | undefined,
): Violation[] {
  return [
    ...nameViolations(props.consumerName),
    ...functionViolations(props),
    ...environmentViolations(props.environment ?? {}),
    ...horizonViolations(props, horizon),
    ...channelViolations(props),
  ];
}

function nameViolations(consumerName: string): Violation[] {
  const token = Token.isUnresolved(consumerName);
  if (!token && namePattern.test(consumerName)) return [];
  return [
    {
      id: 'consumer-name-stable',
      given: token ? 'consumerName is a token' : `consumerName is '${consumerName}'`,
      allowed: token ? 'a plain string' : '1 to 64 of A-Z a-z 0-9 _ . -',
      change: 'choose a fixed `consumerName`: receipts are found by it for as long as they are kept',
    },
  ];
}

function functionViolations(props: IdempotentConsumerProps): Violation[] {
  const { entry, handler } = props;
  const id = 'one-function';
  const allowed = 'exactly one of them';
  if (entry === undefined && handler === undefined)
    return [{ id, given: 'neither `entry` nor `handler` is given', allowed, change: 'give `entry`' }];
  if (entry !== undefined && handler !== undefined)
    return [
      { id, given: '`entry` and `handler` are both given', allowed, change: 'remove `handler` or `entry`' },
    ];
  if (handler === undefined) return [];
  const shaping = ['timeout', 'memorySize', 'architecture', 'logRetention'] as const;
  return shaping
    .filter((prop) => props[prop] !== undefined)
    .map((prop) => ({
      id,
      given: `\`${prop}\` is given beside \`handler\``,
      allowed: 'left out',
      change: `set \`${prop}\` on the function itself`,
    }));
}

function environmentViolations(environment: Record<string, string>): Violation[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('EXACTLY_ONCE_'))
    .map((name) => ({
      id: 'environment-reserved',
      given: `environment has '${name}'`,
      allowed: 'free of names that begin with EXACTLY_ONCE_',
      change: 'rename the variable; the construct sets its own from the other props',
    }));
}

function horizonViolations(
  { maxRedrives, receiptRetention }: IdempotentConsumerProps,
  horizon: Duration | undefined,
): Violation[] {
  const violations: Violation[] = [];
  if (
    maxRedrives !== undefined &&
    isKnown(maxRedrives) &&
    !(Number.isInteger(maxRedrives) && maxRedrives >= 0)
  )
    violations.push({
      id: 'redrives-countable',
      given: `maxRedrives is ${maxRedrives}`,
      allowed: 'a whole number from 0',
      change: 'change `maxRedrives`',
    });
  if (receiptRetention === undefined && horizon === undefined)
    violations.push({
      id: 'known-at-synth',
      given: 'receiptRetention is left to a default that depends on a token',
      allowed: 'known at synth',
      change:
        'give `receiptRetention`, or plain values for `producerRetryHorizon`, `maxRedrives` and the retentions of the channel',
    });
  return violations;
}

function channelViolations({ channel, maxBatchingWindow }: IdempotentConsumerProps): Violation[] {
  const violations: Violation[] = [];
  if (channel._consumer !== undefined)
    violations.push({
      id: 'one-consumer-per-channel',
      given: `channel is '${channel.node.path}', which '${channel._consumer.node.path}' consumes`,
      allowed: 'a channel that nobody else consumes, because each message goes to one receiver',
      change: 'give each consumer its own `channel`',
    });
  if (channel.kind === ChannelKind.FIFO && maxBatchingWindow !== undefined)
    violations.push({
      id: 'batching-window-is-standard',
      given: '`maxBatchingWindow` is given',
      allowed: 'left out on a FIFO channel',
      change: 'remove `maxBatchingWindow`, Lambda has none for FIFO queues',
    });
  return violations;
}
