import { deliver, type Sender } from './deliver.js';
import { listSettled } from './list-settled.js';
import type { OutboxAccess } from './outbox-access.js';
import { prepare, type Prepared } from './prepare.js';
import type { RelayProblem } from './relay-summary.js';
import { noteTick } from './relay-state.js';
import type { RunClock } from './run-clock.js';
import { settle, type Settled } from './settle.js';
import { sideBySide } from './side-by-side.js';
import type { BatchContent, BatchStream } from './stream-records.js';
import { errorText } from '../dedup/errors.js';

/** Entries that are written at a time. */
const listedAtOnce = 16;

export interface BatchResult {
  /** Sequence numbers of the records that come again. */
  readonly failed: readonly string[];
  readonly sent: number;
  readonly resent: number;
  readonly passed: number;
  /** Streams that were listed as stuck, or were and still are. */
  readonly listed: number;
  readonly lagMs: number;
  readonly problems: readonly RelayProblem[];
}

/**
 * Sends what the table's stream brings. Each stream goes on in the order of its versions: what the table's stream
 * left out is filled in from the table, and a stream that cannot go on is listed as stuck before its events are
 * acknowledged. An event comes again only when it could neither be sent, nor marked, nor listed.
 */
export async function relayBatch(
  { streams, ticks, strangers }: BatchContent,
  sender: Sender,
  access: OutboxAccess & { readonly retentionSeconds: number; readonly graceSeconds: number },
  clock: RunClock,
): Promise<BatchResult> {
  const problems: RelayProblem[] = strangers.map((stranger) => ({ ...stranger, version: '0' }));
  const failed: string[] = [];
  const fail = (stream: BatchStream, from: bigint, error: unknown) => {
    problems.push({ stream: stream.stream, version: String(from), error });
    for (const [version, numbers] of stream.numbers) if (version >= from) failed.push(...numbers);
  };
  const [prepared, unread] = await prepare(streams, sender, access);
  for (const [stream, error] of unread) fail(stream, 0n, error);
  const reached = await deliver(prepared, sender, clock);
  const settled = await settle(prepared, reached, sender, access);
  const done = prepared.map((one) => ({ one, now: settledOf(settled, one.stream) }));

  const listed = done.filter(({ one, now }) => mustBeListed(one, now));
  const unlisted = await sideBySide(listed, listedAtOnce, async ({ one, now }) => {
    const { stream, entry, stood, at, last, obstacle } = one;
    await listSettled(access, {
      ...{ stream, entry, stood, settled: now, at, last },
      obstacle: obstacle && errorText(obstacle.error),
    });
  });
  for (const place of done) {
    const { one, now } = place;
    for (const [target, error] of now.failures)
      problems.push({ stream: one.stream, version: String(now.next.get(target) ?? 0n), error });
    if (one.obstacle !== undefined)
      problems.push({ stream: one.stream, version: String(one.obstacle.version), error: one.obstacle.error });
    const trouble = unlisted.get(place);
    const isListed = listed.includes(place) && trouble === undefined;
    if (now.unmarked !== undefined) fail(one.batch, now.unmarked.version, now.unmarked.error);
    else if (trouble !== undefined) fail(one.batch, now.position, trouble);
    else if (!isListed && now.position <= one.last)
      for (const [version, numbers] of one.batch.numbers)
        if (version >= now.position) failed.push(...numbers);
  }
  await sideBySide(ticks, listedAtOnce, ({ shard, version }) => noteTick(access, shard, version));
  const now = Date.now();
  const sent = done.flatMap((place) => place.now.sent);
  return {
    failed,
    sent: sent.length,
    resent: sum(done.map((place) => place.now.resent)),
    passed: sum(prepared.map(({ passed }) => passed)),
    listed: listed.length - unlisted.size,
    lagMs: sent.reduce((most, { at }) => Math.max(most, now - at), 0),
    problems,
  };
}

function settledOf(settled: ReadonlyMap<string, Settled>, stream: string): Settled {
  return settled.get(stream) ?? { next: new Map(), position: 0n, sent: [], resent: 0, failures: new Map() };
}

function mustBeListed({ entry, obstacle }: Prepared, { failures }: Settled): boolean {
  return entry !== undefined || obstacle !== undefined || failures.size > 0;
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, one) => total + one, 0);
}
