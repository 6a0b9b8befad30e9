import { fold, rowKey, type AggregateEvent, type Folded, type PassOver } from '../dedup/fold.js';
import { DependencyFailed, IgnoreMessage } from '../dedup/errors.js';
import type { Parked } from '../dedup/ledger.js';
import { parkingBytes, slotOf } from '../dedup/stream.js';
import type { Limits } from '../dedup/limits.js';
import type { Connection } from './connection.js';
import { HandlerTooSlow } from './errors.js';
import { readEarly, type AggregateId, type FarEvent, type SeenLedger, type Send } from './position-rows.js';
import { Conflict, ConnectionLost } from './sql-error.js';
import { ownRole } from './transaction-control.js';
import { Transaction, type PostgresTx } from './transaction.js';

/** What is to be folded into one aggregate, in one transaction. */
export interface Part<Event extends AggregateEvent> {
  readonly id: AggregateId;
  readonly events: readonly Event[];
  readonly passOver?: PassOver;
  readonly alone?: boolean;
  readonly drains: Iterable<string>;
  /** Of parts before this one. */
  readonly closed: ReadonlySet<string>;
  readonly stuck: Folded<object, Event>['stuck'];
  readonly start: (event: Event) => bigint;
  readonly handle: (event: Event | Parked, tx: PostgresTx) => unknown;
  readonly gapSeconds: number;
  /** What a handler has thrown after it had read, in a try before this one: thrown once more, it stands (R47). */
  readonly threw: Set<string>;
}

/** What a part has come to, before it is written. */
export interface Handled<Event extends AggregateEvent> {
  readonly folded: Folded<object, Event>;
  readonly closed: Set<string>;
  readonly far: readonly FarEvent[];
  /** Events whose handlers would not have them: nothing is written for them but the position. */
  readonly ignored: ReadonlySet<string>;
}

/** A handler has thrown after it had read: the whole is done once more before that counts. */
export class ThrewAfterReading extends Error {}

const nothing = Object.freeze({});

/**
 * Runs the handlers of one part, in an open transaction in which the aggregate is locked and a savepoint is set.
 *
 * The fold says who acts and in which order, without acting: it is asked, what it says is carried out one by one,
 * and for what fails it is asked again, with that refused. What acted before stays as it is, because the same fold
 * says the same up to there.
 *
 * @throws Conflict, ConnectionLost, DependencyFailed when the transaction is worth nothing any more.
 */
export class PartRun<Event extends AggregateEvent> {
  readonly #refused = new Map<string, unknown>();
  readonly #ignored = new Set<string>();
  readonly #rows = new Map<string, Parked | null>();
  readonly #far = new Map<string, FarEvent>();
  readonly #now = Math.floor(Date.now() / 1000);
  /** What ends the part though there is more: half of the time, or rows that were read. */
  #most = Infinity;
  #hasRead = false;
  #done = 0;
  readonly #halfway: number;

  readonly #connection: Connection;
  readonly #seen: SeenLedger;
  readonly #part: Part<Event>;

  constructor(connection: Connection, seen: SeenLedger, part: Part<Event>, limits: Limits) {
    this.#connection = connection;
    this.#seen = seen;
    this.#part = part;
    this.#halfway = (Date.now() + limits.deadline) / 2;
  }

  async run(): Promise<Handled<Event>> {
    for (;;) {
      const acting: (Event | Parked)[] = [];
      const closed = new Set(this.#part.closed);
      const folded = this.#fold(acting, closed);
      if (folded.wanted.length > 0 || folded.overflow.length > 0) {
        await this.#fill(folded);
        continue;
      }
      if (!(await this.#act(folded.applied, acting))) continue;
      return { folded, closed, far: [...this.#far.values()], ignored: this.#ignored };
    }
  }

  #fold(acting: (Event | Parked)[], closed: Set<string>): Folded<object, Event> {
    const { events, passOver, alone, drains, stuck, start, gapSeconds } = this.#part;
    return fold<object, Event>(
      { state: nothing, ledger: this.#seen.ledger },
      events,
      {
        ...{
          start,
          now: this.#now,
          rows: this.#rows,
          room: parkingBytes,
          passOver,
          alone,
          drains,
          stuck,
          gapSeconds,
        },
        ...{ refused: this.#refused, most: this.#most },
        reduce: (_, event) => {
          acting.push(event);
          return nothing;
        },
      },
      closed,
    );
  }

  /** Reads the rows that the fold asks for or, if it asks for none, takes note of those that it needs. */
  async #fill({ wanted, overflow, applied, after }: Folded<object, Event>): Promise<void> {
    // What was read once is carried out before more is read: rows are large.
    if (wanted.length > 0 && this.#hasRead && applied.length > 0) {
      this.#most = applied.length;
      return;
    }
    const send: Send = async (text, values) => this.#connection.send(text, values);
    for (const { stream, place } of wanted) {
      const to = after.ledger.get(stream)?.beyond ?? place;
      this.#hasRead = true;
      for (const [one, row] of await readEarly(send, this.#part.id, stream, place, to))
        this.#rows.set(rowKey(stream, one), row);
    }
    if (wanted.length > 0) return;
    for (const event of overflow) {
      const { stream, version, previous, fingerprint, carried } = event;
      const place = slotOf(event);
      const [kept = null] = (await readEarly(send, this.#part.id, stream, place, place)).values();
      const row = kept ?? { version, fingerprint, carried, ...(previous !== undefined && { previous }) };
      this.#rows.set(rowKey(stream, place), row);
      if (kept === null) this.#far.set(rowKey(stream, place), { stream, ...row });
    }
  }

  /** Whether all has acted. If not, the fold is to be asked again. */
  async #act(applied: readonly string[], acting: readonly (Event | Parked)[]): Promise<boolean> {
    for (; this.#done < applied.length; this.#done += 1) {
      const key = applied[this.#done] as string;
      if (this.#done > 0 && this.#most > this.#done && Date.now() > this.#halfway) {
        this.#most = this.#done;
        return false;
      }
      if (this.#done > 0) await this.#connection.send(`RELEASE SAVEPOINT ${savepoint}; ${setSavepoint}`);
      if (!(await this.#handle(key, acting[this.#done] as Event | Parked))) return false;
    }
    return true;
  }

  async #handle(key: string, event: Event | Parked): Promise<boolean> {
    const [connection, part] = [this.#connection, this.#part];
    const tx = new Transaction(connection, undefined);
    try {
      const handled = Promise.resolve(tx).then((given) => part.handle(event, given));
      await connection.patience.for(handled, () =>
        connection.isBusy
          ? new DependencyFailed('Postgres has not answered the handler by the deadline')
          : new HandlerTooSlow(),
      );
      tx.seal();
      if (tx.actsAsAnother) await connection.send(ownRole);
      return true;
    } catch (error) {
      const thrown = tx.close(error);
      if (thrown instanceof Conflict || thrown instanceof ConnectionLost || connection.isBusy) throw thrown;
      if (thrown instanceof HandlerTooSlow) throw thrown;
      if (thrown instanceof IgnoreMessage) this.#ignored.add(key);
      else if (tx.mayThrowAnother && !(thrown instanceof DependencyFailed) && !part.threw.has(key)) {
        part.threw.add(key);
        throw new ThrewAfterReading('once more', { cause: thrown });
      } else this.#refused.set(key, thrown);
      await connection.send(`ROLLBACK TO SAVEPOINT ${savepoint}`);
      return thrown instanceof IgnoreMessage;
    }
  }
}

const savepoint = 'exactly_once';
export const setSavepoint = `SAVEPOINT ${savepoint}`;
