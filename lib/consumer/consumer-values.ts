import { Duration } from 'aws-cdk-lib';
import type { IFunction, IVersion } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { IMessageChannel } from '../channel/channel-base.js';
import { ChannelKind } from '../channel/message-channel-props.js';
import type { NamedResource } from '../guarantees/claims.js';
import { messageCost } from '../guarantees/consumer-cost.js';
import { assumed, type Cost } from '../guarantees/cost.js';
import { durationText } from '../guarantees/duration-text.js';
import { fairFrom, tooFewToBeFair } from '../guarantees/fair-queue.js';
import { horizon } from '../guarantees/horizon.js';
import { isKnown } from '../guarantees/inequality.js';
import type { PeakNeed } from '../guarantees/peak-need.js';
import { CommitWay, writeUnits } from './commit-way.js';
import { type FunctionSettings, madeHere } from './consumer-function.js';
import { consumerPeak } from './consumer-peak.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';

/** Undefined when a part of it is known only at deployment. */
export function horizonOf(props: IdempotentConsumerProps): Duration | undefined {
  const { channel, maxRedrives = 3, producerRetryHorizon = Duration.days(14) } = props;
  const { retention, deadLetterRetention } = channel;
  if (![producerRetryHorizon, maxRedrives, retention, deadLetterRetention].every(isKnown)) return undefined;
  return horizon({ producerRetryHorizon, maxRedrives, queueRetention: retention, deadLetterRetention });
}

export function queueOf({ channel: { queue } }: IdempotentConsumerProps): NamedResource {
  return { construct: queue, name: queue.queueName };
}

/** Undefined where the function is built for this consumer alone. */
export function handlerOf({ handler }: IdempotentConsumerProps): NamedResource | undefined {
  if (handler === undefined) return undefined;
  const construct = functionBehind(handler);
  return { construct, name: construct.functionName };
}

/**
 * Versions and aliases of a function of this app run with the variables that it has, one set for all. Those of an
 * imported one may each have been published with their own.
 */
function functionBehind(handler: IFunction): IFunction {
  const { lambda } = handler as Partial<IVersion>;
  return madeHere(lambda) ?? handler;
}

export function tableOf({ dedupTable }: IdempotentConsumerProps): NamedResource | undefined {
  return dedupTable && { construct: dedupTable.table, name: dedupTable.table.tableName };
}

/** Undefined when a value of it is known only at deployment. */
export function costOf(
  props: IdempotentConsumerProps,
  { memoryMegabytes, arm }: FunctionSettings,
  fifo: boolean,
  batchSize: number,
  receiptRetention: Duration,
): Cost | undefined {
  const { commitWay = CommitWay.TRANSACTION, receiptTable, writesPerMessage = 1 } = props;
  if (![memoryMegabytes, batchSize, writesPerMessage, receiptRetention].every(isKnown)) return undefined;
  const { receipt: ownReceipt, item } = writeUnits[commitWay];
  const receipt = receiptTable === undefined ? ownReceipt : 0;
  return messageCost({
    fifo,
    batchSize,
    memoryMegabytes,
    arm,
    receiptUnits: receipt,
    unitsPerItem: item,
    itemsPerMessage: writesPerMessage,
    receiptDays: receipt > 0 ? receiptRetention.toSeconds() / 86_400 : undefined,
  });
}

/** What the peak that the channel declares, or a channel of which it is one side, needs of its consumer. */
export function peakOf(
  scope: Construct,
  props: Pick<IdempotentConsumerProps, 'channel' | 'commitWay' | 'maxConcurrency' | 'receiptTable'>,
  workload = props.channel.workload,
): PeakNeed[] {
  const { channel, commitWay = CommitWay.TRANSACTION, maxConcurrency } = props;
  const { kind } = channel;
  if (workload === undefined) return [];
  const receiptUnits = props.receiptTable === undefined ? writeUnits[commitWay].receipt : 0;
  return consumerPeak(scope, { workload, fifo: kind === ChannelKind.FIFO, maxConcurrency, receiptUnits });
}

/** How fast a backlog goes down, and how much of one the age alarm leaves time for (R24). */
export function drainNote(
  { retention, kind }: IMessageChannel,
  timeout: Duration,
  batchSize: number,
  maxConcurrency: number | undefined,
): string[] {
  if (maxConcurrency === undefined || ![maxConcurrency, batchSize, timeout, retention].every(isKnown))
    return [];
  const messages = (batchSeconds: number, seconds: number, batches = maxConcurrency) =>
    Math.floor((batches * batchSize * seconds) / batchSeconds).toLocaleString('en-US');
  const half = retention.toSeconds() / 2;
  return [
    `A backlog drains at ${messages(assumed.batchSeconds, 1)} messages a second (\`maxConcurrency\` ${maxConcurrency}, batches of ${batchSize}, ${assumed.batchSeconds * 1000} ms each), ` +
      `and at ${messages(timeout.toSeconds(), 1)} when every batch takes its whole timeout of ${durationText(timeout)}. ` +
      `The age alarm goes off at half of the retention, ${durationText(Duration.seconds(half))} before messages expire: time to drain ${messages(assumed.batchSeconds, half)} messages, or ${messages(timeout.toSeconds(), half)}.` +
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
      (kind === ChannelKind.FIFO
        ? ` All of it while at least ${maxConcurrency} groups are active: a group has one batch at a time, so one alone drains at ${messages(assumed.batchSeconds, 1, 1)} a second.`
        : ''),
  ];
}

/** Where a Standard queue hands out too few messages at once for its fair queues to tell a noisy group. */
export function fairnessNote(
  kind: ChannelKind,
  batchSize: number,
  maxConcurrency: number | undefined,
): string[] {
  if (kind === ChannelKind.FIFO || maxConcurrency === undefined || !isKnown(maxConcurrency)) return [];
  const inFlight = tooFewToBeFair(maxConcurrency, batchSize);
  if (inFlight === undefined) return [];
  return [
    `At most ${inFlight} messages are in flight (\`maxConcurrency\` x \`batchSize\`): a fair queue tells a noisy group from its neighbours by its share from about ${fairFrom} on. Where groups must not wait for each other, raise \`maxConcurrency\`.`,
  ];
}
