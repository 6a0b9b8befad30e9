import type { Construct } from 'constructs';
import { plainWorkload, type ChannelWorkload } from '../channel/channel-workload.js';
import { figure } from '../channel/choice/limits.js';
import { quotas } from '../channel/choice/quotas.js';
import type { Workload } from '../channel/choice/workload.js';
import { isKnown } from '../guarantees/inequality.js';
import { atOnce, receiptPartitions } from '../guarantees/peak-lines.js';
import type { PeakNeed } from '../guarantees/peak-need.js';

/** What a consumer has for the peak of its channel. */
export interface PeakOf {
  readonly workload: ChannelWorkload;
  readonly fifo: boolean;
  /** Absent: the mapping has no limit of its own. */
  readonly maxConcurrency?: number;
  /** Write units of the receipt of one message. 0: it keeps none in a table of receipts. */
  readonly receiptUnits: number;
}

/** Invocations, groups and partitions that the declared peak of a channel needs, each with its arithmetic. */
export function consumerPeak(scope: Construct, of: PeakOf): PeakNeed[] {
  const workload = plainWorkload(scope, of.workload);
  return [
    concurrency(workload, of),
    ...(of.fifo ? [groups(workload, of)] : []),
    ...(of.receiptUnits > 0 ? [receiptPartitions(workload.peakPerSecond, of.receiptUnits)] : []),
  ];
}

function concurrency(workload: Workload, { maxConcurrency }: PeakOf): PeakNeed {
  const { peakPerSecond, consumerMs } = workload;
  const needed = atOnce(peakPerSecond, consumerMs);
  const how = `${figure(peakPerSecond)} messages/s x ${figure(consumerMs)} ms`;
  const what = 'invocations at a time';
  const { value, unit } = quotas.mappingConcurrency;
  if (maxConcurrency === undefined)
    return { what, needed, how, has: `up to ${figure(value)} ${unit}`, enough: needed <= value };
  if (!isKnown(maxConcurrency)) return { what, needed, how, has: 'a limit that the deployment gives' };
  return { what, needed, how, has: `\`maxConcurrency\` ${maxConcurrency}`, enough: needed <= maxConcurrency };
}

/** A group has one batch at a time, and the busiest one says how many there are at the least. */
function groups(workload: Workload, { workload: given }: PeakOf): PeakNeed {
  const { peakPerSecond, busiestGroupPerSecond, consumerMs } = workload;
  const needed = atOnce(peakPerSecond, consumerMs);
  const least = Math.ceil(peakPerSecond / busiestGroupPerSecond);
  const stated = given.busiestGroupMessagesPerSecond !== undefined;
  return {
    what: 'groups with messages',
    needed,
    how: `${figure(peakPerSecond)} messages/s x ${figure(consumerMs)} ms, one batch of a group at a time`,
    has: stated
      ? `at least ${figure(least)} (${figure(peakPerSecond)} messages/s / ${figure(busiestGroupPerSecond)} of the busiest)`
      : 'not known: `busiestGroupMessagesPerSecond` is not given',
    ...(stated && least >= needed && { enough: true }),
  };
}
