import { figure } from '../channel/choice/limits.js';
import { partitionsFor, type PeakNeed } from './peak-need.js';

/**
 * Write units a second of one partition of a table, and what a new table on demand takes at once. It grows to twice
 * its highest traffic so far, and is warmed for more by hand.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 */
const partitionUnits = 1_000;
const newTableUnits = 4_000;

/** Little's law: what arrives in a second, times how long each takes. */
export function atOnce(perSecond: number, eachMs: number): number {
  return Math.max(1, Math.ceil((perSecond * eachMs) / 1000));
}

/** @param units write units of the receipt of one message */
export function receiptPartitions(perSecond: number, units: number, messages = 'messages'): PeakNeed {
  return {
    what: 'partitions of the table of receipts',
    needed: partitionsFor(perSecond * units, partitionUnits),
    how: `${figure(perSecond)} ${messages}/s x ${units} write units / ${figure(partitionUnits)} of a partition`,
    has: `${newTableUnits / partitionUnits} in a new table on demand, more as its traffic grows`,
    ...(perSecond * units <= newTableUnits && { enough: true }),
  };
}
