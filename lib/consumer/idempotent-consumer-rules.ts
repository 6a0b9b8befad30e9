import type { Duration } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ChannelKind } from '../channel/message-channel-props.js';
import { claimant, isOfOneWhole } from '../guarantees/claims.js';
import { isKnown } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import { queueElsewhere, tableElsewhere } from '../guarantees/same-region.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { CommitWay, isInPostgres } from './commit-way.js';
import { madeHere } from './consumer-function.js';
import { handlerOf, queueOf } from './consumer-values.js';
import { handlerFunctionOptions, type HandlerFunctionOptions } from './handler-function-options.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';
import { failureViolations } from './failure-rules.js';

/**
 * What is wrong with the props of a consumer by themselves.
 *
 * @param horizon absent when a part of it is a token.
 */
export function consumerViolations(
  self: Construct,
  props: IdempotentConsumerProps,
  horizon: Duration | undefined,
): Violation[] {
  return [
    ...nameViolations(
      'consumer-name-stable',
      'consumerName',
      props.consumerName,
      'receipts are found by it for as long as they are kept',
    ),
    ...functionViolations(props),
    ...reservedViolations(props),
    ...environmentViolations(props.environment ?? {}),
    ...wayViolations(props),
    ...horizonViolations(props, horizon),
    ...channelViolations(self, props),
    ...failureViolations(props),
    ...placeViolations(self, props),
  ];
}

/** Where the function would not find what it is told of. */
function placeViolations(self: Construct, props: IdempotentConsumerProps): Violation[] {
  const { channel, dedupTable, receiptTable } = props;
  return [
    ...queueElsewhere(self, 'channel', channel.queue),
    ...tableElsewhere(self, 'dedupTable', dedupTable?.table),
    ...tableElsewhere(self, 'receiptTable', receiptTable),
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
  const called = handlerOf(props);
  const other = called && claimant(called, 'calls');
  if (other !== undefined)
    return [
      {
        id: 'one-consumer-per-function',
        given: `\`handler\` is '${handler.node.path}', which '${other.node.path}' calls, too`,
        allowed:
          'a function of its own: name, queue, table and dead letters of a consumer are variables of its function',
        change: 'give each consumer its own function, of the same code if you like: `entry`',
      },
    ];
  // Of a function that this app does not make, they are statements.
  const statements = ['timeout', 'memorySize', 'architecture'] as const;
  const options = Object.keys(handlerFunctionOptions(props)) as (keyof HandlerFunctionOptions)[];
  const shaping = [
    ...(madeHere(handler) === undefined ? [] : statements),
    'logRetention' as const,
    ...options,
  ];
  return shaping
    .filter((prop) => props[prop] !== undefined)
    .map((prop) => ({
      id,
      given: `\`${prop}\` is given beside \`handler\``,
      allowed: 'left out',
      change: `set \`${prop}\` on the function itself`,
    }));
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#events-sqs-max-concurrency */
function reservedViolations({ handler }: IdempotentConsumerProps): Violation[] {
  const made = madeHere(handler)?.node.defaultChild;
  const reserved = CfnFunction.isCfnFunction(made) ? made.reservedConcurrentExecutions : undefined;
  if (reserved === undefined) return [];
  return [
    {
      id: 'concurrency-not-reserved',
      given: `the \`handler\` has reservedConcurrentExecutions of ${reserved}`,
      allowed: 'without: SQS counts throttled polls as receives',
      change: 'take it off the function, and give `maxConcurrency`',
    },
  ];
}

function wayViolations(props: IdempotentConsumerProps): Violation[] {
  const {
    commitWay = CommitWay.TRANSACTION,
    dedupTable,
    effectTable,
    receiptTable,
    writesPerMessage,
  } = props;
  const violations: (Violation | undefined)[] = [
    commitWay === CommitWay.TRANSACTION && dedupTable === undefined
      ? {
          id: 'receipts-need-a-table',
          given: '`dedupTable` is left out',
          allowed: 'given, because a transaction writes a receipt',
          change: 'give `dedupTable`, or the `commitWay` of the handler if it is another one',
        }
      : undefined,
    isInPostgres(props) && dedupTable !== undefined
      ? {
          id: 'one-store-of-receipts',
          given: '`dedupTable` is given with commitWay POSTGRES',
          allowed: 'left out: receipts, failures and stopped groups are in the database of the handler',
          change: 'remove `dedupTable`, or give the `commitWay` of the handler',
        }
      : undefined,
    effectTable !== undefined && commitWay !== CommitWay.INSERT && commitWay !== CommitWay.AGGREGATE
      ? {
          id: 'effect-table-is-proof',
          given: `\`effectTable\` is given with commitWay ${commitWay}`,
          allowed: 'left out: only rows of INSERT and AGGREGATE are a proof',
          change: 'remove `effectTable`, or give the `commitWay` of the handler',
        }
      : undefined,
    receiptTable !== undefined && commitWay !== CommitWay.TRANSACTION
      ? {
          id: 'receipt-table-is-of-a-transaction',
          given: `\`receiptTable\` is given with commitWay ${commitWay}`,
          allowed: 'left out: only a transaction may have its receipt in a row of the handler',
          change: 'remove `receiptTable`, or give CommitWay.TRANSACTION',
        }
      : undefined,
    writesPerMessage !== undefined && isKnown(writesPerMessage) && !(writesPerMessage >= 0)
      ? {
          id: 'writes-countable',
          given: `writesPerMessage is ${writesPerMessage}`,
          allowed: 'a number from 0',
          change: 'change `writesPerMessage`',
        }
      : undefined,
  ];
  return violations.filter((violation) => violation !== undefined);
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

function channelViolations(self: Construct, props: IdempotentConsumerProps): Violation[] {
  const { channel, maxBatchingWindow } = props;
  const violations: Violation[] = [];
  const consumer = claimant(queueOf(props), 'messages');
  if (consumer !== undefined)
    violations.push({
      id: 'one-consumer-per-channel',
      given: `channel is '${channel.node.path}', which '${consumer.node.path}' consumes`,
      allowed: 'a channel that nobody else consumes, because each message goes to one receiver',
      change: 'give each consumer its own `channel`',
    });
  const { scope } = self.node;
  const { migratesFrom } = channel;
  if (migratesFrom !== undefined && (scope === undefined || !isOfOneWhole(scope)))
    violations.push({
      id: 'migration-leaves-nothing-behind',
      given: `channel takes the place of '${migratesFrom.node.path}', which nobody would read any more`,
      allowed: 'read by a MigratingConsumer, which works off both',
      change: 'use MigratingConsumer until the old channel is empty, then remove `migrateFrom`',
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
