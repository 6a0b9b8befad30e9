import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import { CommitFailed, WriteRefused } from '../dedup/errors.js';
import {
  fold,
  outcomeRecalled,
  holdCarriers,
  parkingBytes,
  type AggregateEvent,
  type Folded,
  type PassOver,
  type Reducer,
  type Stuck,
} from '../dedup/fold.js';
import type { Parked, Stream } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { stateBytes, unseen, type SeenAggregate } from './aggregate-item.js';
import { AggregateItems } from './aggregate-items.js';
import { Beside } from './aggregate-beside.js';
import { maxItemBytes } from './item-size.js';
import { nowSeconds } from './receipt.js';
import type { ItemAddress, Row, Table } from './table.js';
import { WarmItems } from './warm-items.js';

export interface AggregateStoreOptions<Event extends AggregateEvent = AggregateEvent> {
  readonly client: DynamoDBClient;
  /**
   * The table of the aggregates. No TTL, and nobody deletes from it: a late copy would act again on a deleted one
   * (R14).
   */
  readonly table: Table;
  readonly reduce: Reducer<Row, Event>;
  /** Position at which a stream starts that an aggregate has not met before. */
  readonly start: (event: Event) => bigint;
  /** A table of ours, for what does not fit into the item. @default - it waits in the queue, and no gap is listed */
  readonly dedup?: { readonly tableName: string; readonly consumerName: string };
  /** Seconds for which an event may wait for its predecessors before the gap is listed. @default 900 */
  readonly gapSeconds?: number;
  /**
   * Told when a stream that stood still goes on again, after the write. It must not throw. @default - nobody is told
   */
  readonly wentOn?: (address: ItemAddress, stream: string, limits: Limits) => Promise<void>;
  /** Bytes of items kept in memory. @default 8 MB */
  readonly warmBytes?: number;
}

export interface AggregateCommitted<Event> {
  readonly outcomes: Map<Event, Outcome>;
  readonly stuck: readonly Stuck[];
}

/** Races for one aggregate that may be lost before its events go back to the queue. */
const maxLost = 10;
const defaultWarmBytes = 8 * 1024 * 1024;
const defaultGapSeconds = 15 * 60;
/** Of an item, for the key, the token and what a ledger holds beside parked events. */
const overheadBytes = 16 * 1024;

/** What has become of the events of one commit so far. What is in it is durable. */
interface Progress<Event> {
  readonly outcomes: Map<Event, Outcome>;
  stuck: readonly Stuck[];
  /** Streams whose parked events are in order, and have not been applied for want of time. */
  unfinished: ReadonlySet<string>;
  closed: Set<string>;
  seen: SeenAggregate;
}

/** One commit under way. */
interface Run<Event> {
  readonly address: ItemAddress;
  readonly limits: Limits;
  readonly progress: Progress<Event>;
  readonly alone: boolean | undefined;
  /** Epoch seconds. */
  readonly now: number;
  /** What DynamoDB refused to hold, by stream and version. */
  readonly refused: Map<string, unknown>;
  readonly rows: Map<string, Parked | null> | undefined;
  passOver: PassOver | undefined;
  /** What was in memory, while nothing was read or written. */
  warm: SeenAggregate | undefined;
  rest: readonly Event[];
  drains: Iterable<string>;
  most: number;
  oneByOne: boolean;
  hasRead: boolean;
  lost: number;
}

/**
 * Folds events into aggregates and writes each aggregate once per batch.
 *
 * Guarantees: each version of a stream acts on its aggregate exactly once and in order, for ever, at the cost of one
 * write per aggregate and batch and, while this instance has seen the aggregate last, no read. Holds while the item
 * is never deleted. A version that comes early is parked: up to 64 versions ahead and 100 KB in the item, up to
 * 10,000 more in rows of their own, so that the message that closes a gap always gets in. A version that has acted
 * and comes with another payload is rejected, for the last 64 versions; an older one is taken for a copy. Of versions
 * that were passed over the latest 1,000 are remembered.
 *
 * The condition of each write is the token of the write before it, so a copy in memory is used only if it is what is
 * stored; a lost race brings the item back and the events are folded again. A state that DynamoDB cannot hold costs
 * the event that makes it so its turn, and nobody else.
 */
export class AggregateStore<Event extends AggregateEvent = AggregateEvent> {
  readonly #options: AggregateStoreOptions<Event>;
  readonly #items: AggregateItems;
  readonly #warm: WarmItems<SeenAggregate>;
  #beside: Beside | undefined;

  constructor(options: AggregateStoreOptions<Event>) {
    this.#options = options;
    this.#items = new AggregateItems(options.client, options.table);
    this.#warm = new WarmItems(options.warmBytes ?? defaultWarmBytes);
  }

  /**
   * Commits the events of one aggregate. Never throws: what goes wrong is the outcome of the events it went wrong
   * for.
   */
  async commit(
    address: ItemAddress,
    events: readonly Event[],
    limits: Limits,
    alone = false,
  ): Promise<AggregateCommitted<Event>> {
    const progress = begun<Event>();
    const { outcomes } = progress;
    if (Date.now() >= limits.deadline) {
      for (const event of events) outcomes.set(event, { kind: 'retry' });
      return progress;
    }
    try {
      await this.#run(address, events, limits, progress, { alone });
    } catch (error) {
      // Whether the write was made is not known, so neither is what is stored.
      this.#warm.delete(address.id);
      for (const event of events)
        if (!outcomes.has(event) && !progress.closed.has(event.lane))
          outcomes.set(event, { kind: 'retry', error: commitError(error) });
    }
    const { seen, stuck, unfinished } = progress;
    holdCarriers(outcomes, seen.ledger, [...stuck.map(({ stream }) => stream), ...unfinished]);
    return progress;
  }

  /**
   * Passes over a version, if it is the next one, and applies what was parked behind it.
   *
   * @throws CommitFailed when it is not known to be written, or when there was no time for all that was parked: call
   *   again.
   */
  async passOver(
    address: ItemAddress,
    passOver: PassOver,
    limits: Limits,
  ): Promise<{ readonly stands: boolean; readonly stuck: readonly Stuck[] }> {
    const progress = begun<Event>();
    try {
      await this.#run(address, [], limits, progress, { passOver });
    } catch (error) {
      this.#warm.delete(address.id);
      throw commitError(error);
    }
    const { seen, stuck, unfinished } = progress;
    if (unfinished.size > 0) throw new CommitFailed('no time is left for what was parked in the stream');
    const {
      position,
      stopped,
      stoppedAt = position + 1n,
      listed,
    } = seen.ledger.get(passOver.stream) ?? { position: 0n };
    if (!listed) await this.#besideIt()?.closeGap(address, passOver.stream, limits);
    return { stands: stopped === true && stoppedAt === passOver.version, stuck };
  }

  /** See {@link outcomeRecalled}. Consistent reads. */
  async recall(
    address: ItemAddress,
    event: Pick<Event, 'stream' | 'version' | 'fingerprint'>,
    limits: Limits,
  ): Promise<Outcome | undefined> {
    const { ledger } = await this.#items.read(address, limits);
    const stream = ledger.get(event.stream);
    if (stream === undefined) return undefined;
    return outcomeRecalled(stream, event, async (place) =>
      this.#besideIt()?.kept(address, event.stream, place, limits),
    );
  }

  async #run(
    address: ItemAddress,
    events: readonly Event[],
    limits: Limits,
    progress: Progress<Event>,
    { passOver, alone }: { readonly passOver?: PassOver; readonly alone?: boolean },
  ): Promise<void> {
    const warm = this.#warm.get(address.id);
    progress.seen = warm ?? (await this.#items.read(address, limits));
    const run: Run<Event> = {
      ...{ address, limits, progress, alone, passOver, warm },
      now: nowSeconds(),
      refused: new Map(),
      rows: this.#options.dedup && new Map(),
      rest: events,
      drains: passOver === undefined ? [] : [passOver.stream],
      most: Infinity,
      oneByOne: false,
      hasRead: false,
      lost: 0,
    };
    for (;;) {
      const closed = new Set(progress.closed);
      const folded = this.#fold(run, closed);
      if (folded.wanted.length > 0 || folded.overflow.length > 0) {
        await this.#fillRows(run, folded);
        continue;
      }
      if (folded.changed) {
        if (!(await this.#store(run, folded))) continue;
      } else if (progress.seen === run.warm && (run.passOver !== undefined || isUnsure(folded, run.warm))) {
        progress.seen = await this.#items.read(address, limits);
        run.warm = undefined;
        continue;
      }
      goOn(run, folded, closed);
      if ((run.rest.length === 0 && folded.unfinished.size === 0) || Date.now() >= limits.deadline) return;
    }
  }

  #fold(run: Run<Event>, closed: Set<string>): Folded<Row, Event> {
    const { now, rows, passOver, alone, drains, refused, progress } = run;
    const { start, dedup, gapSeconds = defaultGapSeconds } = this.#options;
    const { seen, stuck } = progress;
    const room = Math.max(0, Math.min(parkingBytes, maxItemBytes - stateBytes(seen) - overheadBytes));
    return fold(
      seen,
      run.rest,
      {
        ...{ reduce: this.#reduce, start, now, rows, room, passOver, alone, drains, refused, stuck },
        most: run.oneByOne ? 1 : run.most,
        gapSeconds: dedup && gapSeconds,
      },
      closed,
    );
  }

  /** What was read once is written before more is read: rows are large. */
  async #fillRows(run: Run<Event>, folded: Folded<Row, Event>): Promise<void> {
    if (folded.wanted.length > 0 && run.hasRead && folded.applied.length > 0) {
      run.most = folded.applied.length;
      return;
    }
    const beside = this.#besideIt();
    if (run.rows === undefined || beside === undefined) throw new CommitFailed('rows without a table');
    run.hasRead = (await beside.fill(run.address, folded, run.rows, run.limits)) || run.hasRead;
  }

  /** Whether it was written. If not, the run knows why, and the events are to be folded again. */
  async #store(run: Run<Event>, folded: Folded<Row, Event>): Promise<boolean> {
    const { address, limits, progress, rows } = run;
    const { seen } = progress;
    const { ledger } = folded.after;
    if ([...ledger.values()].some(({ listed }) => listed))
      await this.#besideIt()?.listGaps(address, seen, folded.after, limits);
    const found = await this.#items.write(address, seen, folded.after, limits);
    if (found.kind === 'refused') {
      const [only, another] = folded.applied;
      if (only === undefined) throw found.error;
      if (another === undefined) run.refused.set(only, found.error);
      // One write for each, until it is known whose fault it is.
      run.oneByOne = another !== undefined;
      return false;
    }
    if (found.kind === 'lost') {
      await lose(run, found.seen);
      return false;
    }
    this.#warm.set(address.id, found.seen, found.seen.bytes);
    for (const [stream, { stopped }] of seen.ledger)
      if (stopped && !ledger.get(stream)?.stopped) await this.#options.wentOn?.(address, stream, limits);
    await this.#settleBeside(address, seen, found.seen, run.passOver, rows, limits);
    progress.seen = found.seen;
    return true;
  }

  readonly #reduce: Reducer<Row, Event> = (state, event) =>
    // An item that holds only parked events has no state yet; what is stored cannot tell it from an empty one.
    this.#options.reduce(state && Object.keys(state).length === 0 ? undefined : state, event);

  async #settleBeside(
    address: ItemAddress,
    before: SeenAggregate,
    after: SeenAggregate,
    passOver: PassOver | undefined,
    rows: Map<string, Parked | null> | undefined,
    limits: Limits,
  ): Promise<void> {
    if (rows === undefined) return;
    const isConcerned = ({ beyond, listed }: Stream) => beyond !== undefined || listed;
    if (rows.size > 0 || [...before.ledger.values(), ...after.ledger.values()].some(isConcerned))
      await this.#besideIt()?.settle(address, before, after, passOver, rows, limits);
  }

  /**
   * Made when something does not fit into an item, or a gap is listed: most instances never meet one. Not loaded
   * then: bundlers keep a chunk for every `import()` of a room, also for a consumer of another way that never runs
   * this.
   */
  #besideIt(): Beside | undefined {
    const { client, dedup } = this.#options;
    if (dedup === undefined) return undefined;
    return (this.#beside ??= new Beside(client, dedup.tableName, dedup.consumerName));
  }
}

/** The next part of a commit: what was folded is durable. */
function goOn<Event extends AggregateEvent>(
  run: Run<Event>,
  { outcomes, stuck, unfinished, reached }: Folded<Row, Event>,
  closed: Set<string>,
): void {
  const { progress } = run;
  for (const [event, outcome] of outcomes) progress.outcomes.set(event, outcome);
  progress.stuck = stuck;
  progress.closed = closed;
  progress.unfinished = run.drains = unfinished;
  run.warm = run.passOver = undefined;
  run.rest = run.rest.slice(reached);
  run.hasRead = false;
  run.most = Infinity;
}

/** @throws CommitFailed when too many races were lost, or no time is left. */
async function lose<Event extends AggregateEvent>(run: Run<Event>, seen: SeenAggregate): Promise<void> {
  const { limits, progress, rows } = run;
  limits.meter.conflicts += 1;
  run.lost += 1;
  if (run.lost === maxLost || Date.now() >= limits.deadline)
    throw new CommitFailed(`gave up after ${run.lost} lost races for one aggregate`);
  progress.seen = seen;
  for (const [key, row] of rows ?? []) if (row === null) rows?.delete(key);
  await backoff(run.lost, limits.deadline);
}

function begun<Event>(): Progress<Event> {
  return { outcomes: new Map(), stuck: [], unfinished: new Set(), closed: new Set(), seen: unseen };
}

/**
 * A position only grows, so even an old copy is right about what it is past. About a refusal it may be wrong, and
 * about "too early" it stays wrong: without a write nothing would ever show this instance that it is behind. And what
 * was parked may have been given up: its redriven copy is no duplicate.
 */
function isUnsure<Event extends AggregateEvent>(
  { outcomes, stuck }: Folded<Row, Event>,
  { ledger }: SeenAggregate,
): boolean {
  if (stuck.length > 0) return true;
  for (const [{ stream, version }, { kind }] of outcomes)
    if (kind === 'rejected' || kind === 'retry' || version > (ledger.get(stream)?.position ?? 0n))
      return true;
  return false;
}

function commitError(cause: unknown): unknown {
  if (cause instanceof CommitFailed || cause instanceof WriteRefused) return cause;
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new CommitFailed(`commit failed or its outcome is unknown: ${text}`, { cause });
}
