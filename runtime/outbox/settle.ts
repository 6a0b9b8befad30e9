import { crashPoint } from '../dedup/crash-points.js';
import type { Progress, Sender, StreamWork } from './deliver.js';
import type { OutboxAccess } from './outbox-access.js';
import type { OutboxRow } from './event-row.js';
import { markSent } from './sent-mark.js';
import { sideBySide } from './side-by-side.js';

/** Marks that are written at a time. */
const marksAtOnce = 50;

/** A stream that was worked on, and where each target stood before. */
export interface Worked extends Pick<StreamWork, 'stream' | 'rows'> {
  /** The version that each target was to be sent next, those left out included. */
  readonly stood: ReadonlyMap<string, bigint>;
}

/** Where a stream stands now. */
export interface Settled {
  /** The version that each target is to be sent next. */
  readonly next: ReadonlyMap<string, bigint>;
  /** The lowest of them: everything before it is sent, and marked unless `unmarked` says otherwise. */
  readonly position: bigint;
  /** Events that every target has accepted now. */
  readonly sent: readonly OutboxRow[];
  /** Of those, events that somebody had sent before. */
  readonly resent: number;
  /** Why targets did not get further, by target. */
  readonly failures: ReadonlyMap<string, unknown>;
  /** The first event whose mark was not written, and why. */
  readonly unmarked?: { readonly version: bigint; readonly error: unknown };
}

/**
 * Marks what every target has accepted. A mark that is not known to be written is told: the event is not done with
 * (R30).
 */
export async function settle(
  works: readonly Worked[],
  reached: ReadonlyMap<string, ReadonlyMap<string, Progress>>,
  { targets, memory }: Sender,
  access: OutboxAccess & { readonly retentionSeconds: number },
): Promise<Map<string, Settled>> {
  const plans = works.map(({ stream, rows, stood }) => {
    const progress = reached.get(stream);
    const next = new Map(
      targets.map(({ name }) => [name, progress?.get(name)?.next ?? stood.get(name) ?? 1n] as const),
    );
    const [before, position] = [lowest(stood.values()), lowest(next.values())];
    const sent = rows.filter(({ version }) => version >= before && version < position);
    return { stream, rows, progress, next, position, sent };
  });
  const again = new Map<string, number>();
  const unmarked = await sideBySide(plans.flatMap(marksOf), marksAtOnce, async (row) => {
    if ((await markSent(access, access.retentionSeconds, row)) === 'again')
      again.set(row.stream, (again.get(row.stream) ?? 0) + 1);
  });
  await crashPoint('after-mark');
  return new Map(
    plans.map(({ stream, progress, next, position, sent }) => {
      const failures = new Map(
        [...(progress ?? [])].flatMap(([target, { failure }]) =>
          failure === undefined ? [] : [[target, failure.error] as const],
        ),
      );
      const [first] = sent.filter((row) => unmarked.has(row));
      const last = sent.at(-1);
      if (first === undefined && last !== undefined) memory.markedSent(stream, last.version);
      return [
        stream,
        {
          ...{ next, position, sent, failures, resent: again.get(stream) ?? 0 },
          ...(first && { unmarked: { version: first.version, error: unmarked.get(first) } }),
        },
      ];
    }),
  );
}

/** Rows that have no mark yet, as far as that shows. */
function marksOf({ sent }: { readonly sent: readonly OutboxRow[] }): OutboxRow[] {
  return sent.filter((row, i) => {
    if (row.first) return !row.sent;
    const previous = sent[i - 1];
    return !(previous?.version === row.version - 1n && previous.expires);
  });
}

function lowest(versions: Iterable<bigint>): bigint {
  return [...versions].reduce((least, one) => (one < least ? one : least));
}
