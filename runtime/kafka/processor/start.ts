import type { TopicPartition } from './client-port.js';
import { OffsetMissing, TopicRecreated } from './errors.js';

/** What is known of one partition when it is assigned. */
export interface Known extends TopicPartition {
  /** Of the topic as it is now. */
  readonly topicId: string;
  /** The group's committed offset. Undefined: none. */
  readonly committed: number | undefined;
  /** Id of the topic that the committed offset is of. Undefined: it was not this library that committed it. */
  readonly committedTopicId: string | undefined;
  /** Of the first record that is still there. */
  readonly earliest: number;
  /** The group was already reading this very topic when the partition was added to it. */
  readonly isAddedLater: boolean;
}

/** `at`: this offset. `latest`: behind what is there now. */
export type Start = { readonly at: number; readonly isNew: boolean } | { readonly latest: true };

/**
 * Where a partition begins (R2, R39). Committed offsets are of one topic; that of another of the same name is none.
 *
 * @throws OffsetMissing, TopicRecreated when that needs a person's word which `start` is
 */
export function decideStart(
  known: Known,
  consumerName: string,
  start: 'earliest' | 'latest' | undefined,
): Start {
  const { topic, partition, topicId, committed, committedTopicId, earliest, isAddedLater } = known;
  const isRecreated = committedTopicId !== undefined && committedTopicId !== topicId;
  if (committed !== undefined && !isRecreated) {
    if (committed < earliest)
      throw new OffsetMissing(
        consumerName,
        topic,
        partition,
        `records ${committed} to ${earliest - 1} were deleted before they were read; reset the group's offset to ` +
          `${earliest} to go on without them, and give the topic more retention`,
      );
    return { at: committed, isNew: false };
  }
  // Its records came while the group was reading the topic, so none may be left out.
  if (isAddedLater) return { at: earliest, isNew: true };
  if (isRecreated && start !== 'earliest') throw new TopicRecreated(topic, committedTopicId, topicId);
  if (start === undefined)
    throw new OffsetMissing(
      consumerName,
      topic,
      partition,
      "none was ever committed, or they have expired; state where it begins with start 'earliest' or 'latest'",
    );
  return start === 'earliest' ? { at: earliest, isNew: true } : { latest: true };
}
