import { DependencyFailed } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import type { PostgresClient, PostgresPool, SqlResult } from './client.js';
import { isOver, Patience } from './patience.js';
import { ConnectionLost, isJudged, isOfClient, statementError } from './sql-error.js';
import { sqlStateOf } from './sql-state.js';

const guarded = new WeakSet<PostgresPool>();

/**
 * A connection that breaks while nobody uses it, or in the moment in which it is handed over, says so by an event,
 * and one without a listener ends the process. It is of no consequence: the next statement fails, or another one is
 * opened.
 */
function guard(pool: PostgresPool): void {
  if (guarded.has(pool)) return;
  guarded.add(pool);
  const ignore = () => undefined;
  pool.on?.('error', ignore);
  pool.on?.('connect', (client) => client.on('error', ignore));
}

/** There was no time left to send a statement: it has not been sent. */
export class NotSent extends DependencyFailed {
  override name = 'NotSent';
  override readonly isWithoutData = true;
  constructor() {
    super('no time is left for a statement; none was sent');
  }
}

/**
 * A connection that one piece of work has for itself. Nothing is sent past the deadline, nothing waits beyond it, and
 * a connection of which it is not known what it is doing is never given back to the pool.
 */
export class Connection {
  /** A statement is under way. */
  isBusy = false;
  #broken = false;
  #spoilt = false;
  readonly #onError = () => {
    this.#broken = true;
  };

  readonly #client: PostgresClient;
  readonly #limits: Limits;

  private constructor(
    client: PostgresClient,
    limits: Limits,
    /** Ends with the work that has this connection. */
    readonly patience: Patience,
  ) {
    this.#client = client;
    this.#limits = limits;
    // One that breaks while nothing is asked of it says so by an event, which ends a process that does not listen.
    client.on('error', this.#onError);
  }

  /** Without a look at the schema: see `openConnection`. @throws DependencyFailed when none is to be had in time. */
  static async open(pool: PostgresPool, limits: Limits): Promise<Connection> {
    if (isOver(limits)) throw new DependencyFailed('no time is left for a connection to Postgres');
    guard(pool);
    const asked = pool.connect();
    const patience = new Patience(limits);
    try {
      return new Connection(await patience.for(asked), limits, patience);
    } catch (cause) {
      patience.end();
      asked.then(
        (late) => late.release(),
        () => undefined,
      );
      if (cause instanceof DependencyFailed) throw cause;
      throw new ConnectionLost('no connection to Postgres was to be had', { cause });
    }
  }

  /** @throws what `statementError` makes of what went wrong; what the client cannot send, as the client says it. */
  async send(text: string, values?: readonly unknown[]): Promise<SqlResult> {
    try {
      return await this.raw(text, values);
    } catch (cause) {
      throw isOfClient(cause) && (await this.#answers()) ? cause : statementError(cause);
    }
  }

  /** Whether the connection is in order, whatever its transaction is. */
  async #answers(): Promise<boolean> {
    this.#broken = false;
    await this.raw('SELECT 1').catch(() => undefined);
    return !this.isBusy;
  }

  /** The same. @throws what Postgres said, as it is. */
  async raw(text: string, values?: readonly unknown[]): Promise<SqlResult> {
    if (isOver(this.#limits)) throw new NotSent();
    this.#limits.meter.call();
    this.isBusy = true;
    try {
      const asked = this.#client.query(text, values === undefined ? undefined : [...values]);
      const answer = await this.patience.for(asked);
      this.isBusy = false;
      return answer;
    } catch (cause) {
      // After what Postgres has judged the connection is in order; of anything else nobody knows.
      if (sqlStateOf(cause) === undefined || !isJudged(cause)) this.#broken = true;
      else this.isBusy = false;
      throw cause;
    }
  }

  /** Undoes the transaction, if the connection can still be asked to, and gives the connection back. Never throws. */
  async rollBack(): Promise<void> {
    if (!this.#broken && !this.isBusy) await this.raw('ROLLBACK').catch(() => (this.#broken = true));
    this.giveBack();
  }

  /** Its session is not what others expect of it: nobody is given it after this work. */
  spoil(): void {
    this.#spoilt = true;
  }

  giveBack(): void {
    this.patience.end();
    const isUseless = this.#broken || this.#spoilt || this.isBusy;
    // `pg` emits a last error when it closes a connection that broke: the listener stays on that.
    if (!isUseless) this.#client.removeListener('error', this.#onError);
    this.#client.release(isUseless);
  }
}
