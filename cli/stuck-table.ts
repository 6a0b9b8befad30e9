import { everyOther, nextFor, type StuckStream } from '../runtime/outbox/stuck-streams.js';
import { durationText } from './duration.js';
import { tableText } from './output.js';

/** What is shown of a stream that does not go on by itself. */
export interface ListedStream {
  readonly stream: string;
  /** Version that each target is to be sent next; `*` is every target that is not named. */
  readonly next: Readonly<Record<string, string>>;
  /** ISO 8601: commit of the oldest event that waits. */
  readonly oldest: string;
  /** ISO 8601: since when it is listed. */
  readonly since: string;
  /** ISO 8601: when the sweep tries it next. */
  readonly due: string;
  readonly tries: number;
  readonly reason: string;
  /** Somebody asked to have it sent again: it is listed for that, and not because something failed. */
  readonly resend: boolean;
}

export function listedStream(entry: StuckStream): ListedStream {
  const { stream, next, at, since, due, tries, reason, salt } = entry;
  return {
    stream,
    next: Object.fromEntries([...next.keys()].map((name) => [name, String(nextFor(entry, name))])),
    oldest: new Date(at).toISOString(),
    since: new Date(since).toISOString(),
    due: new Date(due).toISOString(),
    ...{ tries, reason, resend: salt !== undefined },
  };
}

/** For people: the end of a target's name, which is a URL or an ARN. */
export function targetText(target: string, { next }: Pick<ListedStream, 'next'>): string {
  if (target === everyOther) return Object.keys(next).length === 1 ? 'every target' : 'all others';
  return target.split(/[:/]/).at(-1) ?? target;
}

/** For people: a line for each target. Empty text for none. */
export function stuckTable(streams: readonly ListedStream[]): string {
  const ago = (time: string) => durationText((Date.now() - Date.parse(time)) / 1000);
  return tableText(
    streams.flatMap((one) =>
      Object.entries(one.next).map(([target, version]) => ({
        TARGET: targetText(target, one),
        NEXT: version,
        FOR: ago(one.since),
        OLDEST: ago(one.oldest),
        TRIES: one.tries,
        STREAM: one.stream,
        REASON: one.reason,
      })),
    ),
  );
}
