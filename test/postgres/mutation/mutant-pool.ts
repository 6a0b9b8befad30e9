import { Pool, type PoolClient } from 'pg';
import type { PostgresClient, PostgresPool } from '../../../runtime/postgres/client.js';
import type { RelayPool } from '../../../runtime/postgres/outbox/port.js';

/** A condition of a statement, and what stands in its place when it is turned off. */
export interface Turn {
  readonly from: string | RegExp;
  readonly to: string;
}

/**
 * Connections to a real server, whose statements lose one condition. What is turned is the text that is sent, so no
 * statement has to be written for it.
 */
export class MutantPool implements PostgresPool, RelayPool {
  readonly pool: Pool;
  readonly options = { max: 10 };
  /** Statements that have lost it. */
  hits = 0;
  #turn: Turn | undefined;
  #listeners: ((text: string) => void)[] = [];
  #lost = { part: '', times: 0 };
  #meetings: { readonly part: string; readonly all: Promise<void> }[] = [];

  constructor(readonly url: string) {
    this.pool = new Pool({ connectionString: url, max: this.options.max });
    this.pool.on('error', () => undefined);
  }

  turn(turn: Turn): void {
    this.#turn = turn;
    this.hits = 0;
  }

  /** Statements have their conditions again: of what has gone wrong, that would go on for ever. */
  heal(): void {
    this.#turn = undefined;
    this.#listeners = [];
    this.#meetings = [];
  }

  readonly query = async (text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> =>
    (await this.pool.query<Record<string, unknown>>(this.#turned(text), values && [...values])).rows;

  async value(text: string, values?: readonly unknown[]): Promise<unknown> {
    return Object.values((await this.query(text, values))[0] ?? {})[0];
  }

  async connect(): Promise<PostgresClient & Awaited<ReturnType<RelayPool['connect']>>> {
    const client = await this.pool.connect();
    return {
      query: async (text, values) => {
        const turned = this.#turned(text);
        await this.#met(text);
        const answer = await client.query<Record<string, unknown>>(turned, values);
        const { part, times } = this.#lost;
        if (times === 0 || !text.includes(part)) return answer;
        this.#lost = { part, times: times - 1 };
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
      },
      release: (broken) => client.release(broken),
      on: (event, listener) => client.on(event, listener),
      off: (event, listener) => client.off(event, listener),
      removeListener: (event, listener) => client.removeListener(event, listener),
    };
  }

  /** Replaces it in a function of the database. @returns undoes that */
  async turnFunction(name: string, { from, to }: Turn): Promise<() => Promise<void>> {
    const text = String(await this.value('SELECT pg_get_functiondef($1::regproc)', [`exactly_once.${name}`]));
    const turned = text.replace(from, to);
    if (turned !== text) this.hits += 1;
    await this.query(turned);
    return async () => {
      await this.query(text);
    };
  }

  /** Runs work in a transaction. */
  async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } finally {
      client.release();
    }
  }

  /** Until one waits for what another one has, or something else has come to pass. */
  async somebodyWaits(orElse: () => boolean = () => false): Promise<void> {
    const waiting =
      "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while (!orElse() && (await this.value(waiting)) === 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when so many statements with this text have been sent. */
  async asked(part: string, times: number): Promise<void> {
    let seen = 0;
    await new Promise<void>((resolve) =>
      this.#listeners.push((text) => {
        seen += Number(text.includes(part));
        if (seen === times) resolve();
      }),
    );
  }

  /** The next so many statements with this text are carried out, and their answers are lost. */
  lose(part: string, times: number): void {
    this.#lost = { part, times };
  }

  /** From now on a statement with this text waits, at a client, until so many have come to it. */
  meet(part: string, times: number): void {
    this.#meetings.push({ part, all: this.asked(part, times) });
  }

  async #met(text: string): Promise<void> {
    await this.#meetings.find(({ part }) => text.includes(part))?.all;
  }

  #turned(text: string): string {
    for (const listener of this.#listeners) listener(text);
    if (this.#turn === undefined) return text;
    const turned = text.replace(this.#turn.from, this.#turn.to);
    if (turned !== text) this.hits += 1;
    return turned;
  }
}
