import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { errorText } from '../dedup/errors.js';
import { batchGet } from '../dynamodb/batch-get.js';
import { deliver, type Sender, type StreamWork } from './deliver.js';
import { positionsOf, reasonOf } from './list-settled.js';
import type { OutboxAccess } from './outbox-access.js';
import { keyOf } from './positions.js';
import { saveScan, type ScanState } from './relay-state.js';
import { isEvent, readRow, versionIn, type OutboxRow } from './event-row.js';
import type { RunClock } from './run-clock.js';
import { scanPage, type ScanPage } from './scan-page.js';
import { markSent } from './sent-mark.js';
import { settle, type Worked } from './settle.js';
import { sideBySide } from './side-by-side.js';
import { listStuck, readAllStuck } from './stuck-streams.js';
import type { Tally } from './tally.js';

const writesAtOnce = 16;
/** Rows that are sent, and then marked, at a time. */
const rowsPerSlice = 50;

type Access = OutboxAccess & { readonly retentionSeconds: number; readonly graceSeconds: number };

/**
 * Looks through the whole table for what its stream never brought, page by page, and sends it. Keeps its place in the
 * table: a run goes on where the last one ended. A stream that cannot go on is listed as stuck; what is listed is
 * left to the list.
 *
 * @returns when the oldest event that it found was committed; undefined: it found none
 * @throws DependencyFailed when the table could not be read, or the place not be kept
 */
export async function repairScan(
  state: ScanState,
  sender: Sender,
  access: Access,
  clock: RunClock,
  tally: Tally,
): Promise<number | undefined> {
  let scan = state;
  let oldest: number | undefined;
  while (clock.mayBegin()) {
    const page = await scanPage(access, scan, Date.now() - access.graceSeconds * 1000);
    for (const { at } of page.found.values()) oldest = Math.min(oldest ?? at, at);
    const lost = await sideBySide(page.unmarked, writesAtOnce, async (row) => {
      await markSent(access, access.retentionSeconds, row);
    });
    for (const [{ stream, version }, error] of lost) tally.problem(stream, version, error);
    const settled = await sendFound(page, sender, access, clock, tally);
    // Something is left for lack of time: the page comes again.
    if (settled === undefined) break;
    const { next } = page;
    scan =
      next === undefined
        ? { finishedAt: Date.now() }
        : {
            ...next,
            settled: next.settled === true || settled.has(next.cursor?.stream ?? ''),
            finishedAt: scan.finishedAt,
          };
    await saveScan(access, scan);
    if (next === undefined) break;
  }
  return oldest;
}

interface Found extends StreamWork, Worked {
  readonly at: number;
  readonly unreadable?: { readonly version: bigint; readonly error: unknown };
}

/** @returns the streams that are listed now; undefined: there was no time for all */
async function sendFound(
  { found }: ScanPage,
  sender: Sender,
  access: Access,
  clock: RunClock,
  tally: Tally,
): Promise<ReadonlySet<string> | undefined> {
  if (found.size === 0) return new Set();
  const unreadable = new Set<string>();
  const entries = await readAllStuck(access, [...found.keys()], ({ stream }) => unreadable.add(stream));
  const listed = new Set([...entries.keys(), ...unreadable]);
  const works = await readFound(
    new Map([...found].filter(([stream]) => !listed.has(stream))),
    sender,
    access,
  );
  let isComplete = true;
  while (works.length > 0 && clock.mayBegin()) {
    const slice: Found[] = [];
    // Sent is marked soon after: what a run is killed over is sent again.
    while (works.length > 0 && rowsOf(slice) < rowsPerSlice) slice.push(...works.splice(0, 1));
    const through = await sendSlice(slice, sender, access, clock, tally);
    for (const stream of through.listed) listed.add(stream);
    isComplete &&= through.isComplete;
  }
  return isComplete && works.length === 0 ? listed : undefined;
}

function rowsOf(slice: readonly Found[]): number {
  return slice.reduce((sum, { rows }) => sum + Math.max(1, rows.length), 0);
}

async function sendSlice(
  slice: readonly Found[],
  sender: Sender,
  access: Access,
  clock: RunClock,
  tally: Tally,
): Promise<{ readonly listed: ReadonlySet<string>; readonly isComplete: boolean }> {
  const [listed, late] = [new Set<string>(), new Set<string>()];
  const reached = await deliver(slice, sender, clock);
  const settled = await settle(slice, reached, sender, access);
  const unlisted = await sideBySide(slice, writesAtOnce, async ({ stream, at, rows, unreadable }) => {
    const now = settled.get(stream);
    if (now === undefined) return;
    tally.settled(stream, now);
    if (unreadable !== undefined) tally.problem(stream, unreadable.version, unreadable.error);
    if (now.failures.size > 0 || unreadable !== undefined) {
      const reason = [unreadable && errorText(unreadable.error), reasonOf(now.failures)]
        .filter(Boolean)
        .join('; ');
      await listStuck(access, { stream, at, next: positionsOf(now.next), reason });
      listed.add(stream);
      tally.listed += 1;
    } else if (now.unmarked !== undefined || now.position <= (rows.at(-1)?.version ?? 0n)) late.add(stream);
  });
  for (const [{ stream }, error] of unlisted) tally.problem(stream, 0n, error);
  return { listed, isComplete: late.size === 0 && unlisted.size === 0 };
}

/** The rows themselves: a page's, so at most about 1 MB. */
async function readFound(
  found: ScanPage['found'],
  { targets, memory }: Sender,
  { client, table, limits }: OutboxAccess,
): Promise<Found[]> {
  const keys = [...found].flatMap(([stream, { versions }]) =>
    versions.map((version) => keyOf({ stream, version })),
  );
  const items = await batchGet(client, table, keys, limits, true);
  const byStream = Map.groupBy(items.filter(isEvent), ({ stream }) => stream?.S ?? '');
  return [...byStream].flatMap(([stream, own]) => {
    const { rows, unreadable } = readable(own);
    const [head] = rows;
    const from = head?.version ?? unreadable?.version;
    if (from === undefined) return [];
    const stood = new Map(targets.map(({ name }) => [name, from]));
    const nextFor = (target: string) => {
      const accepted = memory.accepted(target, stream) + 1n;
      return accepted > from ? accepted : from;
    };
    return [
      { stream, rows, stood, nextFor, unreadable, at: head?.at ?? found.get(stream)?.at ?? Date.now() },
    ];
  });
}

/** In the order of their versions, up to the first that cannot be read, without those that were sent meanwhile. */
function readable(items: readonly Record<string, AttributeValue>[]) {
  const sorted = [...items].sort((a, b) => ((a.version?.S ?? '') < (b.version?.S ?? '') ? -1 : 1));
  let rows: OutboxRow[] = [];
  let last: OutboxRow | undefined;
  for (const item of sorted)
    try {
      const row = readRow(item);
      const follows = last?.version === row.version - 1n && last.expires;
      const sent = row.first ? row.sent : follows;
      rows = sent ? [] : [...rows, row];
      last = row;
    } catch (error) {
      return { rows, unreadable: { version: versionIn(item.version) ?? 0n, error } };
    }
  return { rows };
}
