import { randomBytes, randomInt } from 'node:crypto';
import type { Sender } from './deliver.js';
import { drainListed } from './drain-listed.js';
import type { OutboxAccess } from './outbox-access.js';
import { readRelayState, writeTicks, type RelayState } from './relay-state.js';
import { repairScan } from './repair-scan.js';
import type { RelayGauges } from './relay-gauges.js';
import type { RunClock } from './run-clock.js';
import { stuckShards } from './stuck-stream.js';
import { countStuck, stuckStreams, type UnreadableEntry } from './stuck-streams.js';
import type { Tally } from './tally.js';

/** The table's stream counts as silent when a tick has not come back for so many graces. */
const silentGraces = 5;
const scanEveryMs = 24 * 3600_000;
/** Share of a run after which the list leaves the rest to the scan, when that is due. */
const listShare = 0.5;

/**
 * Sends what the table's stream did not get through. First it tells how it stands, which needs nothing but the list;
 * then it works off the list; then it looks through the whole table, if the table's stream is silent or nobody has
 * looked for a day (R30).
 *
 * Two at once, or one beside the table's stream, only send something twice.
 */
export async function sweep(
  sender: Sender,
  access: OutboxAccess & { readonly retentionSeconds: number; readonly graceSeconds: number },
  clock: RunClock,
  tally: Tally,
  tell: (gauges: RelayGauges) => void,
): Promise<void> {
  const began = Date.now();
  for (const health of sender.health.values()) health.askAgain();
  const trying = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      tally.problem('', 0n, error);
    }
  };
  let state: RelayState | undefined;
  let listed = 0;
  await trying(async () => {
    state = await readRelayState(access);
    const { count, oldest } = await countStuck(access);
    listed = count;
    tell(gaugesOf(access.table, { count, oldest, state, now: began }));
  });
  await trying(() => writeTicks(access));
  const scanIsDue = state !== undefined && isScanDue(state, access.graceSeconds, began);
  if (listed > 0)
    await trying(() => drainList(sender, access, clock, tally, () => scanIsDue && clock.isPast(listShare)));
  const found = state;
  if (found === undefined || !scanIsDue) return;
  await trying(async () => {
    const oldest = await repairScan(found.scan, sender, access, clock, tally);
    if (oldest === undefined) return;
    tell(gaugesOf(access.table, { count: listed, oldest, state: found, now: began }));
  });
}

/** Begins at a random place, so that no stream is always the last one. */
async function drainList(
  sender: Sender,
  access: OutboxAccess & { readonly retentionSeconds: number },
  clock: RunClock,
  tally: Tally,
  isEnough: () => boolean,
): Promise<void> {
  const from = { shard: randomInt(stuckShards.length), place: randomBytes(32).toString('hex') };
  const now = Date.now();
  const unreadable = ({ stream, error }: UnreadableEntry) => tally.problem(stream, 0n, error);
  for await (const page of stuckStreams(access, from, unreadable)) {
    if (!clock.mayBegin() || isEnough()) return;
    const due = page.filter((entry) => entry.due <= now);
    await drainListed(due, sender, access, clock, tally);
  }
}

interface Found {
  readonly count: number;
  readonly oldest?: number;
  readonly state: RelayState;
  readonly now: number;
}

function gaugesOf(outbox: string, { count, oldest = Infinity, state, now }: Found): RelayGauges {
  const seconds = (since: number) => Math.floor(Math.max(0, now - since) / 1000);
  return {
    outbox,
    stuckStreams: count,
    oldestUnsentSeconds: seconds(oldest),
    streamSilenceSeconds: seconds(state.missedAt ?? Infinity),
  };
}

function isScanDue({ tickedAt, missedAt, scan }: RelayState, graceSeconds: number, now: number): boolean {
  const missedMs = tickedAt === 0 ? Infinity : now - (missedAt ?? now);
  const isSilent = missedMs >= silentGraces * graceSeconds * 1000;
  return isSilent || scan.cursor !== undefined || now - scan.finishedAt >= scanEveryMs;
}
