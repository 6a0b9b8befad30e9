import type { Once } from '../dedup/effect.js';
import { DependencyFailed, TransactionSealed } from '../dedup/error.js';
import type { SqlResult } from './client.js';
import type { Connection } from './connection.js';
import { StatementFailed, TransactionControlRefused } from './errors.js';
import { transactionControl } from './transaction-control.js';

/** What a handler is given: a transaction that is open, and is committed with the receipt of its message. */
export interface PostgresTx {
  /**
   * Sends one statement within the transaction. What Postgres says of it is thrown as `pg` does, so that `code` can
   * be looked at; outages and conflicts are the library's own errors, and run the handler again.
   */
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: SqlResult['rows']; readonly rowCount: number }>;
  /** What fails within is undone by itself, and thrown; the transaction goes on. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /** An effect outside the database, under a lease: see `leases`. */
  readonly once: Once;
}

/** One run of a handler, and what it may still do (R55). */
export class Transaction implements PostgresTx {
  /** It has asked for an effect outside the database, whose lease decides what another run does. */
  #hasEffects = false;
  #looked = false;
  #over = false;
  /** Statements and effects that nobody has awaited yet. */
  #begun = 0;
  #savepoints = 0;
  /** What ended the transaction, as Postgres sees it. */
  #failed: { readonly cause: unknown } | undefined;
  /** What the run failed of, whatever its handler makes of it (R44). */
  #broken: DependencyFailed | undefined;
  readonly #connection: Pick<Connection, 'send'>;
  readonly #effects: Once | undefined;

  constructor(connection: Pick<Connection, 'send'>, effects: Once | undefined) {
    this.#connection = connection;
    this.#effects = effects;
  }

  async query(text: string, values?: readonly unknown[]) {
    // A client that takes an object, too, would send one that nobody has looked at.
    if (typeof text !== 'string') throw new TypeError(`tx.query takes a text and values, got ${typeof text}`);
    const command = transactionControl(text);
    if (command !== undefined) throw new TransactionControlRefused(command);
    const { rows, rowCount } = await this.#send('query', text, values);
    return { rows, rowCount: rowCount ?? 0 };
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `xo_${(this.#savepoints += 1)}`;
    await this.#send('savepoint', `SAVEPOINT ${name}`);
    try {
      const value = await work();
      await this.#send('savepoint', `RELEASE SAVEPOINT ${name}`);
      return value;
    } catch (error) {
      if (this.#over || this.#broken !== undefined) throw error;
      this.#failed = undefined;
      await this.#send('savepoint', `ROLLBACK TO SAVEPOINT ${name}`);
      throw error;
    }
  }

  readonly once: Once = async (name, effect) => {
    const effects = this.#effects;
    if (effects === undefined) throw new TypeError('tx.once needs leases: give `leases: postgresLeases()`');
    this.#hasEffects = true;
    return this.#track('once', () => effects(name, effect));
  };

  async #send(method: string, text: string, values?: readonly unknown[]): Promise<SqlResult> {
    return this.#track(method, async () => {
      try {
        return await this.#connection.send(text, values);
      } catch (cause) {
        this.#failed ??= { cause };
        throw cause;
      }
    });
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
