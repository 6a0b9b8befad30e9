import { AsyncLocalStorage } from 'node:async_hooks';
import type { Once } from '../dedup/effect.js';
import { DependencyFailed, TransactionSealed } from '../dedup/error.js';
import type { SqlResult } from './client.js';
import type { Connection } from './connection.js';
import { StatementFailed, TransactionControlRefused } from './errors.js';
import { factsOf } from './transaction-control.js';

/** What a handler is given: a transaction that is open, and is committed with the receipt of its message. */
export interface PostgresTx {
  /**
   * Sends one statement within the transaction. What Postgres says of it is thrown as `pg` does, so that `code` can
   * be looked at; outages and conflicts are the library's own errors, and run the handler again. What it leaves in
   * its session (SET without LOCAL, LISTEN, PREPARE, a temporary table) is not there for the next message: the
   * connection is closed then.
   */
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: SqlResult['rows']; readonly rowCount: number }>;
  /**
   * What fails within is undone by itself, and thrown; the transaction goes on. Savepoints may be within each other.
   * Of several at once, one goes on after the other, and statements from outside wait until it is over: Postgres
   * undoes everything that was sent since a savepoint, whoever sent it. So nothing within may wait for them.
   */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /** An effect outside the database, under a lease: see `leases`. */
  readonly once: Once;
}

/** What is undone by itself: the whole transaction, or what is behind a savepoint. */
class Part {
  /** The savepoint that is open within it. */
  inner: Part | undefined;
  readonly outer: Part | undefined;
  readonly #end = Promise.withResolvers<undefined>();
  isOver = false;
  /** When it is no longer open. */
  readonly over: Promise<undefined> = this.#end.promise;

  constructor(outer?: Part) {
    this.outer = outer;
    if (outer !== undefined) outer.inner = this;
  }

  end(): void {
    this.isOver = true;
    if (this.outer !== undefined) this.outer.inner = undefined;
    this.#end.resolve(undefined);
  }
}

/** One run of a handler, and what it may still do (R55). */
export class Transaction implements PostgresTx {
  /** It has asked for an effect outside the database, whose lease decides what another run does. */
  #hasEffects = false;
  #looked = false;
  #actsAsAnother = false;
  #over = false;
  /** Statements and effects that nobody has awaited yet. */
  #begun = 0;
  #savepoints = 0;
  readonly #whole = new Part();
  /** In which part of the transaction a statement is sent: told by the asynchronous context that sends it. */
  #parts: AsyncLocalStorage<Part> | undefined;
  /** What ended the transaction, as Postgres sees it. */
  #failed: { readonly cause: unknown } | undefined;
  /** What the run failed of, whatever its handler makes of it (R44). */
  #broken: DependencyFailed | undefined;
  readonly #connection: Pick<Connection, 'send' | 'spoil'>;
  readonly #effects: Once | undefined;

  constructor(connection: Pick<Connection, 'send' | 'spoil'>, effects: Once | undefined) {
    this.#connection = connection;
    this.#effects = effects;
  }

  async query(text: string, values?: readonly unknown[]) {
    // A client that takes an object, too, would send one that nobody has looked at.
    if (typeof text !== 'string') throw new TypeError(`tx.query takes a text and values, got ${typeof text}`);
    const { control, outlives, changesRole } = factsOf(text);
    if (control !== undefined) throw new TransactionControlRefused(control);
    this.#actsAsAnother ||= changesRole;
    if (outlives) this.#connection.spoil();
    const { rows, rowCount } = await this.#inTurn('query', async () => this.#statement(text, values));
    return { rows, rowCount: rowCount ?? 0 };
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `xo_${(this.#savepoints += 1)}`;
    const parts = (this.#parts ??= new AsyncLocalStorage<Part>());
    const part = await this.#inTurn('savepoint', async (outer) => {
      const opened = new Part(outer);
      await this.#statement(`SAVEPOINT ${name}`).catch((error: unknown) => {
        opened.end();
        throw error;
      });
      return opened;
    });
    try {
      const value = await parts.run(part, work);
      await this.#track('savepoint', async () => this.#statement(`RELEASE SAVEPOINT ${name}`));
      return value;
    } catch (error) {
      if (this.#over || this.#broken !== undefined) throw error;
      this.#failed = undefined;
      await this.#track('savepoint', async () => this.#statement(`ROLLBACK TO SAVEPOINT ${name}`));
      throw error;
    } finally {
      part.end();
    }
  }

  readonly once: Once = async (name, effect) => {
    const effects = this.#effects;
    if (effects === undefined) throw new TypeError('tx.once needs leases: give `leases: postgresLeases()`');
    this.#hasEffects = true;
    return this.#track('once', () => effects(name, effect));
  };

  async #statement(text: string, values?: readonly unknown[]): Promise<SqlResult> {
    try {
      return await this.#connection.send(text, values);
    } catch (cause) {
      this.#failed ??= { cause };
      throw cause;
    }
  }

  /** Begins what is to be sent when no savepoint is open but those that it stands behind itself. */
  async #inTurn<T>(method: string, send: (part: Part) => Promise<T>): Promise<T> {
    return this.#track(method, async () => {
      for (;;) {
        const part = this.#part();
        if (part.inner === undefined) return send(part);
        await part.inner.over;
        if (this.#isOver()) throw new TransactionSealed(method);
      }
    });
  }

  /** The part that whoever asks is in. One that was left behind by a savepoint which is over is in the outer one. */
  #part(): Part {
    let part = this.#parts?.getStore() ?? this.#whole;
    while (part.isOver && part.outer !== undefined) part = part.outer;
    return part;
  }

  #isOver(): boolean {
    return this.#over;
  }

  async #track<T>(method: string, work: () => Promise<T>): Promise<T> {
    if (this.#over) throw new TransactionSealed(method);
    this.#looked = true;
    this.#begun += 1;
    try {
      return await work();
    } catch (error) {
      if (error instanceof DependencyFailed) this.#broken ??= error;
      // Nobody is left who could do anything about it, and an unhandled rejection would take the process with it.
      if (this.#isOver()) return await new Promise<T>(() => undefined);
      throw error;
    } finally {
      this.#begun -= 1;
    }
  }

  /**
   * The handler has returned: nothing more is taken.
   *
   * @throws DependencyFailed when something that it asked for was not to be had, also where it went on without.
   * @throws TransactionSealed when it has left something unawaited.
   * @throws StatementFailed when Postgres would not commit it.
   */
  seal(): void {
    this.#over = true;
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#begun > 0) throw new TransactionSealed('query');
    if (this.#failed !== undefined) throw new StatementFailed(this.#failed);
  }

  /** It may have taken another role, which has no rights on the tables of the library. */
  get actsAsAnother(): boolean {
    return this.#actsAsAnother;
  }

  /** What it throws may rest on something that has changed since it was read: another run may not throw it (R47). */
  get mayThrowAnother(): boolean {
    return this.#looked && !this.#hasEffects;
  }

  /** The handler has thrown. @returns what is to be held against whom. */
  close(thrown: unknown): unknown {
    this.#over = true;
    return this.#broken ?? thrown;
  }
}
