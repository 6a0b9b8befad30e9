import { deliver, type Progress, type Sender } from '../../outbox/deliver.js';
import type { SendClock } from '../../send/send-lanes.js';
import type { StuckProgress } from './stuck.js';
import { freshWork, lowest, type StreamRows } from './works.js';

/** What became of events that no target had been sent. */
export interface FreshResult {
  /** By stream: every target has what is below. */
  readonly sentBelow: ReadonlyMap<string, bigint>;
  /** Streams that are to be listed, because they would hold up others or are ahead at one of several targets. */
  readonly stuck: readonly StuckProgress[];
  /**
   * Streams that were not sent to their end, and are not to be listed: no target takes anything, or no time was left.
   */
  readonly left: readonly StreamRows[];
  readonly failures: readonly FailedSend[];
}

export interface FailedSend {
  /** Name of the stream. */
  readonly stream: string;
  /** Decimal digits. */
  readonly version: string;
  readonly target: string;
  readonly error: unknown;
}

export async function sendFresh(
  streams: readonly StreamRows[],
  sender: Sender,
  clock: SendClock,
): Promise<FreshResult> {
  const reached = await deliver(streams.map(freshWork), sender, clock);
  const sentBelow = new Map<string, bigint>();
  const stuck: StuckProgress[] = [];
  const left: StreamRows[] = [];
  const failures: FailedSend[] = [];
  for (const one of streams) {
    const { stream, version: first } = one.rows[0].row;
    const progress = reached.get(stream) ?? new Map<string, Progress>();
    const last = one.rows[one.rows.length - 1]?.row.version ?? first;
    const low = lowest(progress);
    sentBelow.set(one.streamId, low);
    failures.push(...failuresOf(stream, progress));
    if (low > last) continue;
    if (!isToBeListed(progress, low, sender)) left.push(one);
    else
      stuck.push({
        ...{ streamId: one.streamId, reached: progress, seen: last, attempts: new Map() },
        oldest: one.rows.find(({ row }) => row.version === low)?.row.at ?? Date.now(),
      });
  }
  return { sentBelow, stuck, left, failures };
}

export function failuresOf(stream: string, progress: ReadonlyMap<string, Progress>): FailedSend[] {
  return [...progress].flatMap(([target, { next, failure }]) =>
    failure === undefined ? [] : [{ stream, version: String(next), target, error: failure.error }],
  );
}

/**
 * Not where a target takes nothing at all and nobody is ahead of it: a list of every stream would help nobody, and
 * the events are found again where they were.
 */
function isToBeListed(progress: ReadonlyMap<string, Progress>, low: bigint, { health }: Sender): boolean {
  if ([...progress.values()].some(({ next }) => next > low)) return true;
  return [...progress].some(
    ([target, { failure }]) => failure !== undefined && health.get(target)?.leftOutFor === undefined,
  );
}
