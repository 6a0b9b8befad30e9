import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';

/** An outbox and its relay, in a database of their own. */
export interface RelaySide {
  /** What it needs in its database before anything is published. */
  setUp(database: Database): Promise<void>;
  /** Commits events 0 to count - 1, dealt to aggregates in turn, in one transaction: what a relay finds waiting. */
  publishMany(database: Database, count: number): Promise<void>;
  /** Commits one event, as an application does: a transaction of its own. */
  publishOne(database: Database, n: number): Promise<void>;
  /** Begins to send. @param take is called for each event that was sent, with its number */
  start(database: Database, take: (n: number) => void): Promise<RunningSide>;
}

export interface RunningSide {
  stop(): Promise<void>;
}

export interface Database {
  readonly url: string;
  readonly name: string;
  readonly pool: Pool;
}

/** Events of both sides are about so many aggregates. */
export const aggregates = 1_000;

/** What an event carries beside its number. */
export const padding = 'x'.repeat(150);

/** Number, aggregate and padding of generated events, for SQL that inserts them. */
export const generatedEvents = `SELECT n, 'account-' || n % ${aggregates} AS account FROM generate_series(0, $1::int - 1) n`;
export const generatedData = `jsonb_build_object('n', n, 'text', '${padding}')`;

/** Works in a transaction of its own. */
export async function committed(pool: Pool, work: (client: PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect();
  await client.query('BEGIN');
  await work(client);
  await client.query('COMMIT');
  client.release();
}

/** Resolves when the query finds a row. */
export async function untilFound(pool: Pool, query: string, values: readonly unknown[]): Promise<void> {
  while ((await pool.query(query, [...values])).rows.length === 0) await sleep(20);
}
