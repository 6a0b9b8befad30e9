import { errorText } from '../dedup/errors.js';
import { deliver, type Sender } from './deliver.js';
import { advanced, reasonOf } from './list-settled.js';
import type { OutboxAccess } from './outbox-access.js';
import { readRows, type RowsRead } from './read-rows.js';
import type { RunClock } from './run-clock.js';
import { markPassed } from './sent-mark.js';
import { settle, type Settled, type Worked } from './settle.js';
import { sideBySide } from './side-by-side.js';
import { changeStuck, nextFor, type StuckStream } from './stuck-streams.js';
import type { Tally } from './tally.js';

/** One slice: so much is in memory at a time, and between slices the clock is asked. */
const slice = { rowsPerStream: 100, rows: 100, bytes: 1_000_000, readsAtOnce: 4, streams: 100 };
const writesAtOnce = 16;
/** How long a stream waits that did not get further, doubled with each try. */
const retry = { firstMs: 30_000, mostMs: 10 * 60_000 };

interface Slice extends Worked {
  readonly entry: StuckStream;
  readonly from: bigint;
  readonly read: RowsRead;
  readonly salt: string | undefined;
  readonly nextFor: (target: string) => bigint | undefined;
}

/** Targets that have refused an event in this run, by stream: the others go on behind it without waiting. */
type Refusals = Map<string, Set<string>>;

/**
 * Sends what waits in listed streams, each target from its own position on, slice by slice. A stream of which every
 * target has everything leaves the list; one that does not get further is due later, so that it hides no other one.
 *
 * @param entries taken away as they are worked on: what is left was not tried
 */
export async function drainListed(
  entries: StuckStream[],
  sender: Sender,
  access: OutboxAccess & { readonly retentionSeconds: number },
  clock: RunClock,
  tally: Tally,
): Promise<void> {
  const refusals: Refusals = new Map();
  while (entries.length > 0 && clock.mayBegin()) {
    const slices = await readSlices(entries, sender, access, tally, refusals);
    const reached = await deliver(slices, sender, clock);
    const settled = await settle(slices, reached, sender, access);
    const unwritten = await sideBySide(slices, writesAtOnce, async (one) => {
      const now = settled.get(one.stream);
      if (now === undefined) return;
      tally.settled(one.stream, now);
      if (one.read.unreadable !== undefined)
        tally.problem(one.stream, one.read.unreadable.version, one.read.unreadable.error);
      // What is sent and not marked is sent again: only the marks say how far a stream is.
      if (now.unmarked !== undefined) return;
      // Nothing that is sent marks what is before it, which somebody may have passed over.
      if (one.rows.length === 0 && now.position > 1n)
        await markPassed(access, access.retentionSeconds, {
          stream: one.stream,
          version: now.position - 1n,
        });
      const entry = await writeBack(one, now, access);
      if (entry !== undefined) tally.listed += 1;
      const othersGoOn = leavesBehind(one, now, refusals);
      // More is there, and nothing is in its way: behind the others.
      if (entry !== undefined && (othersGoOn || (entry.due <= Date.now() && now.sent.length > 0)))
        entries.push(entry);
    });
    for (const [{ stream, from }, error] of unwritten) tally.problem(stream, from, error);
  }
}

async function readSlices(
  entries: StuckStream[],
  { targets, health }: Sender,
  access: OutboxAccess,
  tally: Tally,
  refusals: Refusals,
): Promise<Slice[]> {
  const slices: Slice[] = [];
  let [rows, bytes] = [0, 0];
  while (entries.length > 0 && rows < slice.rows && bytes < slice.bytes && slices.length < slice.streams) {
    const group = entries.splice(0, slice.readsAtOnce);
    const unread = await sideBySide(group, slice.readsAtOnce, async (entry) => {
      const stood = new Map(targets.map(({ name }) => [name, nextFor(entry, name)]));
      const refusing = refusals.get(entry.stream);
      const open = [...stood].filter(
        ([name]) => health.get(name)?.leftOutFor === undefined && refusing?.has(name) !== true,
      );
      const from = (open.length > 0 ? open : [...stood])
        .map(([, version]) => version)
        .reduce((least, one) => (one < least ? one : least));
      const read = await readRows(access, entry.stream, from, slice.rowsPerStream);
      rows += read.rows.length;
      bytes += read.rows.reduce((sum, { data }) => sum + data.length, 0);
      slices.push({
        ...{ entry, from, read, stood, stream: entry.stream, rows: read.rows, salt: entry.salt },
        // One that is left out and further behind is sent nothing of what is behind its turn.
        nextFor: (target) => {
          const next = stood.get(target) ?? from;
          return next < from || refusing?.has(target) === true ? undefined : next;
        },
      });
    });
    for (const [{ stream }, error] of unread) tally.problem(stream, 0n, error);
  }
  return slices;
}

/**
 * Notes who has refused something, and whether others are through with what was read, and can go on in this run: a
 * stream is read from the lowest position on, so those that are behind would hide what is due to the others.
 */
function leavesBehind(
  { stream, stood, ...slice }: Slice,
  { next, failures }: Settled,
  refusals: Refusals,
): boolean {
  const known = refusals.get(stream);
  const refusing = new Set([...(known ?? []), ...failures.keys()]);
  refusals.set(stream, refusing);
  const end = endOf(slice);
  const isThrough = [...next].some(([name, version]) => version >= end && !refusing.has(name));
  const isNew = refusing.size > (known?.size ?? 0) || isFurther(next, stood);
  return refusing.size > 0 && slice.read.more && isThrough && isNew;
}

/** Behind what was read. */
function endOf({ read, from }: Pick<Slice, 'read' | 'from'>): bigint {
  return (read.rows.at(-1)?.version ?? from - 1n) + 1n;
}

function isFurther(next: Settled['next'], stood: Slice['stood']): boolean {
  return [...next].some(([target, version]) => version > (stood.get(target) ?? version));
}

/** @returns the entry as it is now; undefined: the stream is off the list */
function writeBack(
  { stream, entry, from, stood, read }: Slice,
  { next, failures, position }: Settled,
  access: OutboxAccess,
): Promise<StuckStream | undefined> {
  const end = endOf({ read, from });
  const through = [...next.values()].every((version) => version >= end);
  const done = through && !read.more && read.unreadable === undefined;
  const further = isFurther(next, stood);
  const behind = [...next].some(([target, version]) => version < from && version === stood.get(target));
  const hindered = failures.size > 0 || read.unreadable !== undefined || (!further && behind);
  const reasons = [read.unreadable && errorText(read.unreadable.error), reasonOf(failures)].filter(Boolean);
  const at = read.rows.find(({ version }) => version >= position)?.at;
  return changeStuck(
    access,
    stream,
    (now) => {
      if (now === undefined) return undefined;
      if (done && now.token === entry.token) return undefined;
      const tries = hindered ? now.tries + 1 : now.tries;
      const waitMs = Math.min(retry.mostMs, retry.firstMs * 2 ** Math.min(20, tries - 1));
      return {
        ...now,
        next: advanced(now, entry, stood, next),
        at: at ?? now.at,
        tries,
        due: hindered ? Date.now() + waitMs : now.due,
        reason: reasons.length > 0 ? reasons.join('; ') : now.reason,
      };
    },
    { entry },
  );
}
