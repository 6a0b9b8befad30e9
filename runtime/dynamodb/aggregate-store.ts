import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import { crashPoint } from '../dedup/crash-points.js';
import { CommitFailed, InvalidWrite, ParkedWaiting, StateTooLarge, WriteRefused } from '../dedup/errors.js';
import {
  fold,
  outcomeBefore,
  outcomeBeside,
  holdCarriers,
  parkingBytes,
  type AggregateEvent,
  type Folded,
  type PassOver,
  type Reducer,
  type Stuck,
} from '../dedup/fold.js';
import type { Parked, Stream } from '../dedup/ledger.js';
import { slotOf } from '../dedup/stream.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import {
  aggregateWrite,
  readAggregate,
  stateBytes,
  tokenOf,
  unseen,
  type SeenAggregate,
} from './aggregate-item.js';
import { Beside } from './aggregate-beside.js';
import { maxItemBytes } from './item-size.js';
import { nowSeconds } from './receipt.js';
import { isPassing, isRefusal } from './call-failed.js';
import { send } from './send.js';
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

const maxAttempts = 10;
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
  readonly #warm: WarmItems<SeenAggregate>;
  #beside: Beside | undefined;

  constructor(options: AggregateStoreOptions<Event>) {
    this.#options = options;
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

  /**
   * What became of an event that may have been here before, whatever it says now; undefined when it was not.
   * Consistent reads. `duplicate`: it has acted, or is parked and waits for its turn. `retry`: it has acted, and may
   * have to bring a parked event whose turn has come: its commit tells.
   */
  async recall(
    address: ItemAddress,
    event: Pick<Event, 'stream' | 'version' | 'fingerprint'>,
    limits: Limits,
  ): Promise<Outcome | undefined> {
    const { ledger } = await this.#read(address, limits);
    const stream = ledger.get(event.stream);
    if (stream === undefined) return undefined;
    const { position, parked, beyond, stopped } = stream;
    const next = position + 1n;
    const before = outcomeBefore(stream, event);
    if (before === undefined && event.version > next) {
      const place = slotOf(event);
      const kept =
        parked.find(({ version }) => version === event.version) ??
        ((beyond ?? 0n) < place ? null : await this.#besideIt()?.kept(address, event, limits));
      return kept?.version === event.version ? outcomeBeside(kept, event) : undefined;
    }
    if (before?.kind !== 'duplicate') return before;
    const [first] = parked;
    const isDue = !stopped && ((first !== undefined && slotOf(first) <= next) || (beyond ?? 0n) >= next);
    return isDue ? { kind: 'retry', error: new ParkedWaiting(event.stream, next, 'duplicate') } : before;
  }

  async #run(
    address: ItemAddress,
    events: readonly Event[],
    limits: Limits,
    progress: Progress<Event>,
    how: { readonly passOver?: PassOver; readonly alone?: boolean },
  ): Promise<void> {
    let { passOver } = how;
    const { start, dedup, gapSeconds = defaultGapSeconds } = this.#options;
    const refused = new Map<string, unknown>();
    const rows = dedup && new Map<string, Parked | null>();
    let warm = this.#warm.get(address.id);
    let seen = (progress.seen = warm ?? (await this.#read(address, limits)));
    let rest = events;
    let drains: Iterable<string> = passOver === undefined ? [] : [passOver.stream];
    let most = Infinity;
    let oneByOne = false;
    let hasRead = false;
    const now = nowSeconds();
    for (let lost = 0; ;) {
      const closed = new Set(progress.closed);
      const room = Math.max(0, Math.min(parkingBytes, maxItemBytes - stateBytes(seen) - overheadBytes));
      const options = {
        reduce: this.#reduce,
        start,
        now,
        rows,
        room,
        passOver,
        alone: how.alone,
        drains,
        refused,
        stuck: progress.stuck,
      };
      const folded: Folded<Row, Event> = fold(
        seen,
        rest,
        { ...options, most: oneByOne ? 1 : most, gapSeconds: dedup && gapSeconds },
        closed,
      );
      if (folded.wanted.length > 0 || folded.overflow.length > 0) {
        // What was read once is written before more is read: rows are large.
        if (folded.wanted.length > 0 && hasRead && folded.applied.length > 0) most = folded.applied.length;
        else {
          const beside = this.#besideIt();
          if (rows === undefined || beside === undefined) throw new CommitFailed('rows without a table');
          hasRead = (await beside.fill(address, folded, rows, limits)) || hasRead;
        }
        continue;
      }
      if (folded.changed) {
        if ([...folded.after.ledger.values()].some(({ listed }) => listed))
          await this.#besideIt()?.listGaps(address, seen, folded.after, limits);
        const found = await this.#write(address, seen, folded, limits);
        if (found.kind === 'refused') {
          const [only, another] = folded.applied;
          if (only === undefined) throw found.error;
          if (another === undefined) refused.set(only, found.error);
          // One write for each, until it is known whose fault it is.
          oneByOne = another !== undefined;
          continue;
        }
        if (found.kind === 'lost') {
          limits.meter.conflicts += 1;
          lost += 1;
          if (lost === maxAttempts || Date.now() >= limits.deadline)
            throw new CommitFailed(`gave up after ${lost} lost races for one aggregate`);
          seen = progress.seen = found.seen;
          for (const [key, row] of rows ?? []) if (row === null) rows?.delete(key);
          await backoff(lost, limits.deadline);
          continue;
        }
        await this.#settleBeside(address, seen, found.seen, passOver, rows, limits);
        seen = progress.seen = found.seen;
      } else if (seen === warm && (passOver !== undefined || isUnsure(folded, seen))) {
        seen = progress.seen = await this.#read(address, limits);
        warm = undefined;
        continue;
      }
      warm = passOver = undefined;
      for (const [event, outcome] of folded.outcomes) progress.outcomes.set(event, outcome);
      progress.stuck = folded.stuck;
      progress.closed = closed;
      progress.unfinished = drains = folded.unfinished;
      rest = rest.slice(folded.reached);
      hasRead = false;
      most = Infinity;
      if ((rest.length === 0 && folded.unfinished.size === 0) || Date.now() >= limits.deadline) return;
    }
  }

  readonly #reduce: Reducer<Row, Event> = (state, event) =>
    // An item that holds only parked events has no state yet; what is stored cannot tell it from an empty one.
    this.#options.reduce(state && Object.keys(state).length === 0 ? undefined : state, event);

  async #read(address: ItemAddress, limits: Limits): Promise<SeenAggregate> {
    const { client, table } = this.#options;
    const { Item } = await send(
      client,
      new GetItemCommand({
        TableName: address.tableName,
        Key: address.key,
        ConsistentRead: true,
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'read',
    );
    return Item === undefined ? unseen : readAggregate(table, address, Item);
  }

  async #write(
    address: ItemAddress,
    seen: SeenAggregate,
    { after }: Folded<Row, Event>,
    limits: Limits,
  ): Promise<
    | { readonly kind: 'written' | 'lost'; readonly seen: SeenAggregate }
    | { readonly kind: 'refused'; readonly error: unknown }
  > {
    const { table, wentOn } = this.#options;
    const token = randomUUID();
    try {
      const { input, next } = aggregateWrite(table, address, seen, after, token);
      const inTheWay = await this.#update(input, limits);
      if (inTheWay !== undefined && (inTheWay === 'absent' || tokenOf(inTheWay) !== token))
        return {
          kind: 'lost',
          seen: inTheWay === 'absent' ? unseen : readAggregate(table, address, inTheWay),
        };
      this.#warm.set(address.id, next, next.bytes);
      for (const [stream, { stopped }] of seen.ledger)
        if (stopped && !after.ledger.get(stream)?.stopped) await wentOn?.(address, stream, limits);
      return { kind: 'written', seen: next };
    } catch (error) {
      if (error instanceof InvalidWrite || error instanceof StateTooLarge) return { kind: 'refused', error };
      if (!isRefusal(error)) throw error;
      const refused = new WriteRefused(`DynamoDB refused the state: ${error.message}`, { cause: error });
      return { kind: 'refused', error: refused };
    }
  }

  /**
   * Undefined when written, else the item that stood in the way. A write that met another one is tried again, with
   * its token.
   */
  async #update(
    input: UpdateItemCommandInput,
    limits: Limits,
  ): Promise<undefined | 'absent' | Record<string, AttributeValue>> {
    await crashPoint('before-commit');
    for (let attempts = 1; ; attempts += 1)
      try {
        await send(this.#options.client, new UpdateItemCommand(input), limits, 'write');
        await crashPoint('after-commit');
        return undefined;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return error.Item ?? 'absent';
        if (!isPassing(error) || attempts === maxAttempts) throw error;
        limits.meter.conflicts += 1;
        await backoff(attempts, limits.deadline);
      }
  }

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
