import type { DeadLetterCopy } from './dead-letter-copy.js';
import { durationText } from './duration.js';
import { tableText } from './output.js';

/** What is shown of a dead letter. */
export interface ListedLetter {
  readonly messageId: string;
  readonly key?: string;
  readonly group?: string;
  /** The consumer that gave it up; undefined when SQS did, or somebody sent it by hand. */
  readonly consumer?: string;
  readonly kind?: string;
  readonly attempts?: number;
  readonly redrives: number;
  /** ISO 8601. */
  readonly firstEnqueue: string;
  readonly reason: string;
}

export function listedLetter({
  messageId,
  group,
  letter,
  consumer,
  unreadable,
  firstEnqueue,
  message,
}: DeadLetterCopy): ListedLetter {
  const received = `received ${message.Attributes?.ApproximateReceiveCount ?? '?'} times`;
  return {
    ...{ messageId, group, key: letter?.key, consumer },
    ...{ kind: letter?.kind, attempts: letter?.attempts, redrives: letter?.redrives ?? 0 },
    firstEnqueue: new Date(firstEnqueue).toISOString(),
    reason:
      letter?.reason ??
      (unreadable
        ? `its letter cannot be read: a newer version wrote it, or somebody else (${received})`
        : `no letter: SQS moved it, or somebody sent it by hand (${received})`),
  };
}

/** For people. Empty text for none. */
export function letterTable(letters: readonly ListedLetter[]): string {
  return tableText(
    letters.map((one) => ({
      MESSAGE: one.messageId,
      KEY: one.key ?? '',
      GROUP: one.group ?? '',
      KIND: one.kind ?? '',
      AGE: durationText((Date.now() - Date.parse(one.firstEnqueue)) / 1000),
      ATTEMPTS: one.attempts ?? '',
      REDRIVES: one.redrives,
      REASON: one.reason,
    })),
  );
}
