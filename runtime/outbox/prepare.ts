import { ExactlyOnceError } from '../dedup/errors.js';
import { keyHash } from '../dedup/key-hash.js';
import type { Sender, StreamWork } from './deliver.js';
import { fillGap } from './fill-gap.js';
import type { OutboxAccess } from './outbox-access.js';
import { knownSent, placeId, withoutGap } from './positions.js';
import type { OutboxRow } from './event-row.js';
import type { Worked } from './settle.js';
import { sideBySide } from './side-by-side.js';
import type { BatchStream } from './stream-records.js';
import { nextFor, readAllStuck, type StuckStream } from './stuck-streams.js';

/** Streams whose gaps are read at a time. */
const filledAtOnce = 8;

/** What stands in the way of a stream. */
export interface Obstacle {
  readonly version: bigint;
  readonly error: unknown;
}

/** A stream of a batch, with what is to be sent of it. */
export interface Prepared extends StreamWork, Worked {
  readonly batch: BatchStream;
  /** Its entry in the list of stuck streams. */
  readonly entry: StuckStream | undefined;
  /** Nothing from here on can be sent: the stream is to be listed. */
  readonly obstacle?: Obstacle;
  /** Commit of its oldest event in hand, epoch milliseconds. */
  readonly at: number;
  /** The last version that the batch brings. */
  readonly last: bigint;
  /** Events that were sent before. */
  readonly passed: number;
}

/** The table's stream has left out more than a batch can fill in: the sweep catches up. */
export class FarBehind extends ExactlyOnceError {
  override name = 'FarBehind';
  constructor(
    readonly streamHash: string,
    readonly unsent: bigint,
  ) {
    super(
      `${unsent} events before those that the table's stream brings of ${streamHash} are not sent; the sweep sends them first`,
    );
  }
}

/** A stream in the making. */
interface Head {
  readonly batch: BatchStream;
  /** Not known to be sent. */
  readonly rows: readonly OutboxRow[];
  readonly passed: number;
  /** What the first of them, or the obstacle, stands at. */
  readonly version: bigint;
  /** Everything before it is known to be sent. */
  clear: boolean;
}

/**
 * Finds out what of a batch is to be sent to whom. Costs no read for streams that this instance has just sent.
 *
 * @returns what is to be sent, and the streams of which nothing is known because the table could not be read
 */
export async function prepare(
  batches: readonly BatchStream[],
  { targets, memory }: Sender,
  access: OutboxAccess & { readonly graceSeconds: number },
): Promise<readonly [Prepared[], ReadonlyMap<BatchStream, unknown>]> {
  const unread = new Map<BatchStream, unknown>();
  const prepared: Prepared[] = [];
  const names = targets.map(({ name }) => name);
  const heads = await headsOf(batches, (stream) => memory.sent(stream), access).catch((error: unknown) => {
    for (const batch of batches) unread.set(batch, error);
    return [];
  });
  const asked = heads.filter(({ clear }) => !clear);
  const entries = await entriesOf(asked, access, unread).catch((error: unknown) => {
    for (const { batch } of asked) unread.set(batch, error);
    return new Map<string, StuckStream>();
  });
  const unfilled = await sideBySide(
    heads.filter(({ batch }) => !unread.has(batch)),
    filledAtOnce,
    async (head) => {
      const { batch, passed } = head;
      const { stream } = batch;
      const entry = entries.get(stream);
      const { from, rows, obstacle } = await contentOf(head, entry, access);
      const stood = new Map(names.map((name) => [name, entry === undefined ? from : nextFor(entry, name)]));
      const last = rows.at(-1)?.version ?? from;
      prepared.push({
        ...{ stream, batch, rows, entry, stood, passed, obstacle },
        at: rows[0]?.at ?? entry?.at ?? Date.now(),
        last: obstacle === undefined ? last : obstacle.version,
        salt: entry?.salt,
        nextFor: (target) => {
          const next = stood.get(target) ?? from;
          if (entry !== undefined) return next < from ? undefined : next;
          const accepted = memory.accepted(target, stream) + 1n;
          return accepted > next ? accepted : next;
        },
      });
    },
  );
  for (const [{ batch }, error] of unfilled) unread.set(batch, error);
  return [prepared, unread];
}

/** What is not known to be sent of each stream of the batch. */
async function headsOf(
  batches: readonly BatchStream[],
  sentUpTo: (stream: string) => bigint,
  access: OutboxAccess & { readonly graceSeconds: number },
): Promise<Head[]> {
  const graceEnd = Date.now() - access.graceSeconds * 1000;
  const unknown = batches.flatMap(({ stream, rows }) =>
    rows.filter(({ at, version }) => at < graceEnd && version > sentUpTo(stream)),
  );
  // The sweep may have been faster. Whatever it has sent need not be sent again.
  const swept = await knownSent(access, unknown);
  const heads = batches.flatMap(({ stream, rows, unreadable, ...rest }): Head[] => {
    const known = sentUpTo(stream);
    const sent = rows.findLastIndex(
      (row) => row.version <= known || (unknown.includes(row) && swept.get(placeId(row)) !== false),
    );
    const left = rows.slice(sent + 1);
    const version = left[0]?.version ?? unreadable?.version;
    if (version === undefined) return [];
    const clear = known >= version - 1n || rows[sent]?.version === version - 1n;
    return [{ batch: { stream, rows, unreadable, ...rest }, rows: left, passed: sent + 1, version, clear }];
  });
  const asked = heads.filter(({ clear, rows }) => !clear && rows.length > 0);
  const found = await withoutGap(
    access,
    asked.flatMap(({ rows }) => rows.slice(0, 1)),
  );
  for (const head of asked) head.clear = head.rows[0] !== undefined && found.has(head.rows[0]);
  return heads;
}

async function entriesOf(
  heads: readonly Head[],
  access: OutboxAccess,
  unread: Map<BatchStream, unknown>,
): Promise<Map<string, StuckStream>> {
  const batches = new Map(heads.map(({ batch }) => [batch.stream, batch]));
  return readAllStuck(access, [...batches.keys()], ({ stream, error }) => {
    const batch = batches.get(stream);
    if (batch !== undefined) unread.set(batch, error);
  });
}

/** The rows that are to be sent, gaps filled in, and the version at which they begin. */
async function contentOf(
  { batch, rows, version, clear }: Head,
  entry: StuckStream | undefined,
  access: OutboxAccess,
): Promise<{ readonly from: bigint; readonly rows: readonly OutboxRow[]; readonly obstacle?: Obstacle }> {
  const { stream, unreadable } = batch;
  const whole = rows.every((row, i) => row.version === version + BigInt(i));
  const obstacle: Obstacle | undefined = unreadable;
  if (whole && (clear || entry !== undefined)) return { from: version, rows, obstacle };
  const filled = await fillGap(access, stream, {
    rows,
    before: clear || entry !== undefined ? undefined : version,
  });
  if (filled.unsent === undefined) return { obstacle, ...filled };
  const end = rows.at(-1)?.version ?? version;
  return {
    from: filled.from,
    rows: [],
    obstacle: { version: end, error: new FarBehind(keyHash(stream), filled.unsent) },
  };
}
