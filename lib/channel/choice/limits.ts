import { highThroughputCalls, quotas, type Quota } from './quotas.js';
import type { Workload } from './workload.js';

/** A workload held against one quota. */
export interface Check {
  readonly id: string;
  /** What the workload needs. */
  readonly needed: number;
  /** What there is. */
  readonly allowed: number;
  readonly unit: string;
  readonly holds: boolean;
  /** AWS grants more on request: it is to be asked for. */
  readonly adjustable: boolean;
  /** What `needed` is made of. */
  readonly how: string;
  readonly page: string;
}

/** Bodies beyond this go to S3 whole: a message is then a pointer. The threshold of AWS's own extended clients. */
export const claimCheckBytes = 262_144;

/** What SQS is sent of a message. */
export function sentBytes({ messageBytes }: Workload): number {
  return messageBytes > quotas.messageBytes.value ? pointerBytes : messageBytes;
}

const pointerBytes = 1_024;

/** Messages that fit into one call: a batch has the size limit of a message. */
export function messagesPerCall(workload: Workload): number {
  const bySize = Math.floor(quotas.messageBytes.value / sentBytes(workload));
  return Math.max(1, Math.min(workload.sendBatch, quotas.batchEntries.value, bySize));
}

/** What a FIFO queue has to hold, with high throughput or without. */
export function fifoChecks(workload: Workload, highThroughput: boolean): Check[] {
  const { peakPerSecond, busiestGroupPerSecond, consumerMs, ordered, versioned } = workload;
  const perCall = messagesPerCall(workload);
  // Of entries of one group, a later one may be taken where an earlier one was not: only versions repair that.
  const ofGroup = versioned ? perCall : 1;
  const groupCalls = ordered ? busiestGroupPerSecond / ofGroup : 0;
  const calls = highThroughput ? highThroughputCalls(workload.region) : quotas.fifoCalls;
  const group = [
    check(
      'group-calls',
      groupCalls,
      quotas.partitionCalls,
      `${figure(busiestGroupPerSecond)} messages/s of the busiest group / ${ofGroup} in a call`,
    ),
    check(
      'group-drains',
      (busiestGroupPerSecond * consumerMs) / 1000,
      quotas.groupConcurrency,
      `${figure(busiestGroupPerSecond)} messages/s of the busiest group x ${figure(consumerMs)} ms`,
    ),
  ];
  return [
    check(
      highThroughput ? 'high-throughput-calls' : 'fifo-calls',
      Math.max(peakPerSecond / perCall, groupCalls),
      calls,
      `${figure(peakPerSecond)} messages/s at the peak / ${perCall} in a call`,
    ),
    // Without an order every message may be a group of its own.
    ...(ordered ? group : []),
    inFlight(workload, quotas.fifoInFlight),
    ...concurrency(workload),
  ];
}

/** What a Standard queue has to hold. */
export function standardChecks(workload: Workload): Check[] {
  return [inFlight(workload, quotas.standardInFlight), ...concurrency(workload)];
}

function inFlight(workload: Workload, quota: Quota): Check {
  const { peakPerSecond, consumerMs, consumerBatch } = workload;
  return check(
    'in-flight',
    (peakPerSecond * consumerMs * consumerBatch) / 1000,
    quota,
    `${figure(peakPerSecond)} messages/s x ${consumerBatch} in a batch x ${figure(consumerMs)} ms`,
  );
}

function concurrency({ peakPerSecond, consumerMs }: Workload): Check[] {
  const needed = (peakPerSecond * consumerMs) / 1000;
  const how = `${figure(peakPerSecond)} messages/s x ${figure(consumerMs)} ms`;
  return [
    check('mapping-concurrency', needed, quotas.mappingConcurrency, how),
    check('account-concurrency', needed, quotas.accountConcurrency, how),
  ];
}

function check(id: string, needed: number, quota: Quota, how: string): Check {
  const { value, unit, adjustable = false, page } = quota;
  return { id, needed, allowed: value, unit, holds: needed <= value, adjustable, how, page };
}

/** A number for a reader. */
export function figure(value: number): string {
  return (value >= 100 ? Math.ceil(value) : Math.round(value * 100) / 100).toLocaleString('en-US');
}
