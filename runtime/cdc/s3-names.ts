import { InvalidSequence } from '../dedup/error.js';
import type { TopicPartition } from './source.js';

const width = 20;

/** Where the objects of one partition are. */
export function folderOf(prefix: string, { topicId, partition }: TopicPartition): string {
  return `${prefix}${topicId}/${partition}/`;
}

/**
 * The name of an object says topic id, partition and first offset, and nothing that two writers could see
 * differently: not its end, no time, no name of a process. So two writers of one range have one name, and only one is
 * let in (R40).
 */
export function objectName(prefix: string, partition: TopicPartition, start: bigint): string {
  return `${folderOf(prefix, partition)}${offsetText(start)}.json.gz`;
}

/** Text order is the order of the offsets. */
export function offsetText(offset: bigint): string {
  return String(offset).padStart(width, '0');
}

/** @throws InvalidSequence for an object that no sink has named. */
export function startOf(name: string): bigint {
  const [, digits] = /\/(\d{20})\.json\.gz$/.exec(name) ?? [];
  if (digits === undefined) throw new InvalidSequence(name);
  return BigInt(digits);
}
