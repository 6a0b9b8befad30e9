import { randomUUID } from 'node:crypto';
import { DependencyFailed } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import { beginText, type Isolation } from './begin.js';
import type { PostgresPool, SqlResult } from './client.js';
import type { Connection } from './connection.js';
import { openConnection } from './entry.js';
import { Patience } from './patience.js';
import { ownStatementError } from './sql-error.js';
import { isTaken, takeReceiptText, type Draft } from './receipts.js';

/** Where receipts are kept, and how transactions are run. */
export interface PostgresStore {
  readonly pool: PostgresPool;
  readonly retentionSeconds: number;
  readonly isolation: Isolation;
}

/** Somebody else has taken the identity, and it was found in the middle of a run: its receipt tells the outcome. */
export class IdentityTaken extends DependencyFailed {
  override name = 'IdentityTaken';
  override readonly isWithoutData = true;
}

/** A transaction that takes an identity as it begins, and begins when it is first asked for. */
export class Opening {
  /** Of this try, in its receipt. */
  readonly token = randomUUID();
  #connection: Connection | undefined;
  #taken: Promise<boolean> | undefined;
  #over = false;
  #spoilt = false;
  #patience: Patience | undefined;
  readonly #store: PostgresStore;
  readonly #draft: Draft;
  readonly #limits: Limits;

  constructor(store: PostgresStore, { id, fingerprint }: Draft, limits: Limits) {
    this.#store = store;
    this.#draft = { id, fingerprint };
    this.#limits = limits;
  }

  /** @returns whether the identity is ours; false: the transaction is open, and holds nothing. */
  async open(): Promise<boolean> {
    return (this.#taken ??= this.#begin());
  }

  /** The identity was somebody's whose time is over, and is ours now. */
  hasTaken(): void {
    this.#taken = Promise.resolve(true);
  }

  /** Values of the statements that take the identity. */
  get taking(): readonly (string | number)[] {
    const { id, fingerprint } = this.#draft;
    return [id, fingerprint, this.token, this.#store.retentionSeconds];
  }

  /** @throws IdentityTaken when the identity turns out to be somebody's. */
  async connection(): Promise<Connection> {
    if (!(await this.open())) throw new IdentityTaken('another transaction has acted on the message');
    return this.opened;
  }

  /** Only after `open`. */
  get opened(): Connection {
    if (this.#connection === undefined) throw new TypeError('the transaction is not open');
    return this.#connection;
  }

  async send(text: string, values?: readonly unknown[]): Promise<SqlResult> {
    return (await this.connection()).send(text, values);
  }

  /** See `Connection`. */
  spoil(): void {
    this.#spoilt = true;
  }

  /** A statement is under way. */
  get isBusy(): boolean {
    return this.#connection?.isBusy === true;
  }

  /** Waits within the limits of the message. @see Patience */
  async for<T>(work: PromiseLike<T>, late: () => Error): Promise<T> {
    const patience = this.#connection?.patience ?? (this.#patience ??= new Patience(this.#limits));
    return patience.for(work, late);
  }

  async rollBack(): Promise<void> {
    const connection = this.#end();
    await connection?.rollBack();
  }

  giveBack(): void {
    this.#end()?.giveBack();
  }

  /** Of one that is still on its way to be opened, `#begin` gives back the connection. */
  #end(): Connection | undefined {
    this.#over = true;
    this.#patience?.end();
    const connection = this.#connection;
    if (this.#spoilt) connection?.spoil();
    this.#connection = undefined;
    return connection;
  }

  async #begin(): Promise<boolean> {
    const { pool, isolation } = this.#store;
    const connection = await openConnection(pool, this.#limits);
    if (this.#over) {
      connection.giveBack();
      throw new DependencyFailed('the run is over');
    }
    this.#connection = connection;
    const begin = beginText(isolation, this.#limits.deadline - Date.now());
    const taken = connection.send(`${begin}; ${takeReceiptText(this.taking)}`).catch((cause: unknown) => {
      throw ownStatementError(cause);
    });
    return isTaken(await taken);
  }
}
