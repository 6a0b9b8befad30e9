import { hash, randomUUID } from 'node:crypto';
import { backoff } from '../dedup/backoff.js';
import { CommitFailed, DependencyFailed, RejectMessage } from '../dedup/errors.js';
import {
  holdCarriers,
  outcomeRecalled,
  rowKey,
  type AggregateEvent,
  type PassOver,
  type Stuck,
} from '../dedup/fold.js';
import type { Ledger, Parked, Stream } from '../dedup/ledger.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { PartRun, setSavepoint, ThrewAfterReading, type Part } from './aggregate-part.js';
import { beginText, type Isolation } from './begin.js';
import type { PostgresPool } from './client.js';
import { commitTransaction, CommitUnanswered } from './commit.js';
import { ask, openConnection } from './entry.js';
import { isOver } from './patience.js';
import { readEarly, readLedger, writeLedger, type Send } from './position-rows.js';
import { Conflict, ConnectionLost } from './sql-error.js';
import { sqlStateOf } from './sql-state.js';
import type { PostgresTx } from './transaction.js';

export interface AggregateStoreOptions<Event extends AggregateEvent> {
  readonly pool: PostgresPool;
  readonly consumerName: string;
  readonly isolation: Isolation;
  readonly gapSeconds: number;
  readonly handle: (event: Event | Parked, tx: PostgresTx) => unknown;
  /** Position at which a stream starts that an aggregate has not met before. */
  readonly start: (event: Event) => bigint;
  /** Told when a stream that stood still goes on again, after the commit. It must not throw. */
  readonly wentOn: (aggregate: string, stream: string, limits: Limits) => Promise<void>;
}

/** Transactions that meet another one, and connections that break, under one part of a commit. */
const maxTries = 10;

interface Progress<Event> {
  readonly outcomes: Map<Event, Outcome>;
  stuck: readonly Stuck[];
  /** Streams whose parked events are in order, and have not acted for want of time. */
  unfinished: ReadonlySet<string>;
  closed: ReadonlySet<string>;
  ledger: Ledger;
  rest: readonly Event[];
  passOver: PassOver | undefined;
}

/**
 * Applies events to aggregates: for all of one aggregate and batch one transaction, in which the aggregate is locked,
 * its positions are read, the handlers run in the order of the versions, and all is committed together.
 *
 * Guarantees: each version of a stream acts exactly once and in order, for ever, while the positions are kept. A
 * version that comes early is kept in a row, up to 10,000 ahead. A version that has acted and comes with another
 * payload is rejected, for the last 64 versions. Each handler runs behind a savepoint: one that fails costs nobody
 * else anything.
 *
 * The lock is an advisory one of the transaction, which RDS Proxy does not pin.
 */
export class PostgresAggregateStore<Event extends AggregateEvent> {
  readonly #options: AggregateStoreOptions<Event>;

  constructor(options: AggregateStoreOptions<Event>) {
    this.#options = options;
  }

  /** Commits the events of one aggregate. Never throws. */
  async commit(aggregate: string, events: readonly Event[], limits: Limits, alone = false) {
    const progress = begun(events);
    const { outcomes } = progress;
    if (isOver(limits)) {
      for (const event of events) outcomes.set(event, { kind: 'retry' });
      return progress;
    }
    try {
      await this.#run(aggregate, progress, limits, alone);
    } catch (error) {
      for (const event of progress.rest)
        if (!outcomes.has(event) && !progress.closed.has(event.lane))
          outcomes.set(
            event,
            isNameTooLong(error, aggregate, event)
              ? { kind: 'rejected', error: new RejectMessage(tooLong, { cause: error }) }
              : { kind: 'retry', error },
          );
    }
    const { ledger, stuck, unfinished } = progress;
    holdCarriers(outcomes, ledger, [...stuck.map(({ stream }) => stream), ...unfinished]);
    return progress;
  }

  /**
   * Passes over a version, if it is the next one, and applies what was parked behind it.
   *
   * @throws DependencyFailed when it is not known to be written, or there was no time for all that was parked.
   */
  async passOver(
    aggregate: string,
    passOver: PassOver,
    limits: Limits,
  ): Promise<{ readonly stands: boolean; readonly stuck: readonly Stuck[] }> {
    const progress = begun<Event>([], passOver);
    try {
      await this.#run(aggregate, progress, limits, false);
    } catch (error) {
      if (!isNameTooLong(error, aggregate, passOver)) throw error;
      // Nobody waits in a stream that has no position.
      return { stands: false, stuck: [] };
    }
    if (progress.unfinished.size > 0)
      throw new CommitFailed('no time is left for what was parked in the stream');
    const stream: Partial<Stream> = progress.ledger.get(passOver.stream) ?? {};
    const { position = 0n, stopped, stoppedAt = position + 1n } = stream;
    return { stands: stopped === true && stoppedAt === passOver.version, stuck: progress.stuck };
  }

  /** See {@link outcomeRecalled}. Sees every commit. */
  async recall(
    aggregate: string,
    event: Pick<Event, 'stream' | 'version' | 'previous' | 'fingerprint'>,
    limits: Limits,
  ): Promise<Outcome | undefined> {
    const { pool, consumerName } = this.#options;
    const id = { consumerName, aggregate };
    const send: Send = async (text, values) => ask(pool, limits, text, values);
    const { ledger } = await readLedger(send, id);
    const stream = ledger.get(event.stream);
    if (stream === undefined) return undefined;
    return outcomeRecalled(stream, event, async (place) =>
      (await readEarly(send, id, event.stream, place, place)).get(place),
    );
  }

  async #run(aggregate: string, progress: Progress<Event>, limits: Limits, alone: boolean): Promise<void> {
    for (;;) {
      await this.#commitPart(aggregate, progress, limits, alone);
      if ((progress.rest.length === 0 && progress.unfinished.size === 0) || isOver(limits)) return;
    }
  }

  async #commitPart(
    aggregate: string,
    progress: Progress<Event>,
    limits: Limits,
    alone: boolean,
  ): Promise<void> {
    const { start, handle, gapSeconds, consumerName } = this.#options;
    const part: Part<Event> = {
      ...{ id: { consumerName, aggregate }, events: progress.rest, passOver: progress.passOver, alone },
      drains: progress.passOver === undefined ? progress.unfinished : [progress.passOver.stream],
      ...{ closed: progress.closed, stuck: progress.stuck, start, handle, gapSeconds, threw: new Set() },
    };
    const unanswered = new Map<string, () => void>();
    let wentOn: readonly string[] | undefined;
    for (let tries = 1; wentOn === undefined; tries += 1)
      try {
        wentOn = await this.#attempt(part, progress, limits, unanswered);
      } catch (error) {
        if (!isWorthAnother(error) || tries === maxTries || isOver(limits)) throw error;
        limits.meter.conflicts += 1;
        await backoff(tries - 1, limits.deadline);
      }
    for (const stream of wentOn) await this.#options.wentOn(aggregate, stream, limits);
  }

  /** One transaction. @returns streams that stood still, and go on. */
  async #attempt(
    part: Part<Event>,
    progress: Progress<Event>,
    limits: Limits,
    unanswered: Map<string, () => void>,
  ): Promise<readonly string[]> {
    const { pool, isolation } = this.#options;
    const connection = await openConnection(pool, limits);
    const send: Send = async (text, values) => connection.send(text, values);
    try {
      const begin = beginText(isolation, limits.deadline - Date.now());
      await connection.send(`${begin}; SELECT pg_advisory_xact_lock(${lockOf(part)}); ${setSavepoint}`);
      const seen = await readLedger(send, part.id);
      const before = seen.ledger;
      for (const [token, settle] of unanswered)
        if (seen.tokens.has(token)) {
          // A COMMIT whose answer was lost stands.
          await connection.rollBack();
          settle();
          return [];
        }
      const handled = await new PartRun(connection, seen, part, limits).run();
      const { folded } = handled;
      const after = folded.after.ledger;
      const settle = () => settled(progress, part, handled);
      if (!folded.changed && handled.far.length === 0) {
        await connection.rollBack();
        settle();
        return [];
      }
      const token = randomUUID();
      await writeLedger(send, part.id, { before, after, token }, handled.far);
      unanswered.set(token, settle);
      await commitTransaction(connection);
      connection.giveBack();
      settle();
      return [...before].filter(([id, { stopped }]) => stopped && !after.get(id)?.stopped).map(([id]) => id);
    } catch (error) {
      await connection.rollBack();
      throw error instanceof ThrewAfterReading || error instanceof DependencyFailed
        ? error
        : new CommitFailed('commit failed', { cause: error });
    }
  }
}

function begun<Event>(rest: readonly Event[], passOver?: PassOver): Progress<Event> {
  return {
    ...{ outcomes: new Map(), stuck: [], unfinished: new Set(), closed: new Set(), ledger: new Map() },
    ...{ rest, passOver },
  };
}

/** What a part has come to is durable. */
function settled<Event extends AggregateEvent>(
  progress: Progress<Event>,
  { events }: Part<Event>,
  { folded, closed, ignored }: Awaited<ReturnType<PartRun<Event>['run']>>,
): void {
  for (const [event, outcome] of folded.outcomes)
    progress.outcomes.set(
      event,
      outcome.kind === 'processed' && ignored.has(rowKey(event.stream, event.version))
        ? { kind: 'ignored' }
        : outcome,
    );
  progress.stuck = folded.stuck;
  progress.unfinished = folded.unfinished;
  progress.closed = closed;
  progress.ledger = folded.after.ledger;
  progress.passOver = undefined;
  progress.rest = events.slice(folded.reached);
}

const tooLong =
  'the names of aggregate, source, epoch and kind are too long for a key of Postgres; use a hash of what is long';
/** What fits into a key whatever it is; longer names do when they can be compressed. */
const surelyFits = 2_500;

/** @see https://www.postgresql.org/docs/current/btree.html */
function isNameTooLong(error: unknown, aggregate: string, { stream }: { readonly stream: string }): boolean {
  const { cause } = Object(error) as { readonly cause?: unknown };
  return sqlStateOf(cause) === '54000' && Buffer.byteLength(aggregate + stream) > surelyFits;
}

function isWorthAnother(error: unknown): boolean {
  return [Conflict, ConnectionLost, CommitUnanswered, ThrewAfterReading].some(
    (kind) => error instanceof kind,
  );
}

/** A number for an aggregate: two that share one wait for each other, and nothing else. */
function lockOf({ id: { consumerName, aggregate } }: Pick<Part<AggregateEvent>, 'id'>): bigint {
  return hash('sha256', JSON.stringify([consumerName, aggregate]), 'buffer').readBigInt64BE();
}
