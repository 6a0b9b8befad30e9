import { chmod, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';

/** The tables that are captured. A payment's note is large, so that Postgres keeps it out of line (TOAST). */
export const tables = [
  'CREATE TABLE payments (id bigint PRIMARY KEY, amount numeric(12,2) NOT NULL, currency text NOT NULL, note text)',
  'CREATE TABLE accounts (id text PRIMARY KEY, balance bigint NOT NULL)',
];

export interface Workload {
  readonly pool: Pool;
  /** For COPY, which reads a file of the server's. */
  readonly folder: string;
  /** Payments in all. */
  readonly rows: number;
  readonly signal: AbortSignal;
  readonly progress: (rows: number) => void;
  /** Writes no more before it ends. Is told how many payments are written. */
  readonly pace: (rows: number) => Promise<void>;
}

/** Commits and changes, by their shapes: what a connector has lost or told twice when it was restarted. */
export interface Written {
  copies: number;
  inserts: number;
  interleaved: number;
  updates: number;
  deletes: number;
}

/**
 * COPY (many rows of one LSN), inserts of 100 rows, two long transactions whose changes interleave, updates that
 * leave the large value as it is, and deletions, until so many payments have been inserted.
 */
export async function write({ pool, folder, rows, signal, progress, pace }: Workload): Promise<Written> {
  const written: Written = { copies: 0, inserts: 0, interleaved: 0, updates: 0, deletes: 0 };
  let next = 1;
  const take = (count: number) => {
    const first = next;
    next += count;
    return Array.from({ length: count }, (_, i) => first + i);
  };
  while (next <= rows && !signal.aborted) {
    const shape = Math.random();
    if (shape < 0.2) {
      await copy(pool, folder, take(400));
      written.copies += 1;
    } else if (shape < 0.6) {
      await insert(pool, take(100));
      written.inserts += 1;
    } else if (shape < 0.8) {
      await interleave(pool, take(200));
      written.interleaved += 1;
    } else {
      written.updates += (await change(pool, next)) ?? 0;
      const { rowCount } = await pool.query('DELETE FROM payments WHERE id % 97 = $1 AND id < $2', [
        Math.floor(Math.random() * 97),
        next - 500,
      ]);
      written.deletes += rowCount ?? 0;
    }
    progress(next - 1);
    await pace(next - 1);
  }
  return written;
}

async function copy(pool: Pool, folder: string, ids: readonly number[]): Promise<void> {
  const file = join(folder, `copy-${ids[0]}`);
  await writeFile(file, ids.map((id) => `${id}\t${id}.50\tEUR\t${noteOf(id) ?? '\\N'}\n`).join(''));
  await chmod(file, 0o644);
  await pool.query(`COPY payments FROM '${file}'`);
}

async function insert(on: Pool | PoolClient, ids: readonly number[]): Promise<void> {
  const values = ids.map((_, i) => `($${3 * i + 1}, $${3 * i + 2}, 'USD', $${3 * i + 3})`).join(', ');
  await on.query(
    `INSERT INTO payments VALUES ${values}`,
    ids.flatMap((id) => [id, `${id}.25`, noteOf(id)]),
  );
}

/** The one that began first commits last. */
async function interleave(pool: Pool, ids: readonly number[]): Promise<void> {
  const [first, second] = [await pool.connect(), await pool.connect()];
  try {
    await first.query('BEGIN');
    await second.query('BEGIN');
    for (let i = 0; i < ids.length; i += 20) {
      await insert(first, ids.slice(i, i + 10));
      await insert(second, ids.slice(i + 10, i + 20));
      await book(i % 40 === 0 ? first : second, `a${i % 20}`, ids[i] ?? 0);
    }
    await second.query('COMMIT');
    await first.query('COMMIT');
  } finally {
    first.release();
    second.release();
  }
}

/** Rows of one account are changed by one of the two, or they would wait for each other. */
async function book(on: PoolClient, account: string, by: number): Promise<void> {
  const id = `${account}-${by % 40}`;
  await on.query(
    'INSERT INTO accounts VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + $2',
    [`${id}-${by}`, by],
  );
}

async function change(pool: Pool, below: number): Promise<number | null> {
  const { rowCount } = await pool.query(
    'UPDATE payments SET amount = amount + 1 WHERE id BETWEEN $1 AND $1 + 50',
    [Math.max(1, Math.floor(Math.random() * below))],
  );
  await pool.query('UPDATE accounts SET balance = balance + 1 WHERE id IN (SELECT id FROM accounts LIMIT 5)');
  return rowCount;
}

/** Random, so that it is not compressed into the row. */
function noteOf(id: number): string | null {
  return id % 50 === 0 ? randomBytes(3_000).toString('hex') : null;
}
