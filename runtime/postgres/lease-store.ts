import { randomUUID } from 'node:crypto';
import { briefly, InvalidSettings, NewerRow, UnserialisableValue } from '../dedup/errors.js';
import type { Lease, LeaseDraft, LeaseRow, LeaseStore } from '../dedup/lease-store.js';
import { valueOfText, valueText } from '../dedup/value-text.js';
import type { PostgresPool } from './client.js';
import { look, storableReason, write } from './own-statement.js';
import { rowVersion } from './receipts.js';

export interface PostgresLeaseStoreOptions {
  readonly pool: PostgresPool;
  /** How long an outcome is kept, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
  /** Epoch milliseconds. @default - the clock of this machine */
  readonly now?: () => number;
}

/** The same as in the dedup table, so that an effect may move from one to the other. */
const maxResultBytes = 380 * 1024;

const columns =
  'id, status, fence, ends_at::float8 AS ends_at, first_call_at::float8 AS first_call_at, args, validation, result, ' +
  'lost, reason, attention, v, extract(epoch FROM expires_at)::float8 AS expiration';

/** One is claimed: a new row, or one that nothing has changed since it was seen. */
const claiming = `status = 'INPROGRESS', fence = $2, ends_at = $3, first_call_at = $4, args = $5, validation = $6,
  expires_at = $7, result = NULL, lost = NULL, reason = NULL, attention = NULL, since = NULL, v = ${rowVersion}`;
const insertLease = `INSERT INTO exactly_once.leases (id, status, fence, ends_at, first_call_at, args, validation, expires_at)
VALUES ($1, 'INPROGRESS', $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING 1`;
const asSeen = (first: number) => `fence = $${first} AND status = $${first + 1} AND ends_at = $${first + 2}`;
const owned = "id = $1 AND fence = $2 AND status = 'INPROGRESS'";

/**
 * Leases on effects, as rows of the schema `exactly_once`. Each write is one statement, and one round trip.
 *
 * Guarantees: of several claimants of one row one gets it; whatever an owner says after another has taken the row
 * over is refused, whoever's clock is right. It does not know when a lease is over: that is `decide`'s part.
 */
export class PostgresLeaseStore implements LeaseStore {
  readonly unlocking = 'npx exactly-once-aws postgres unlock';
  readonly now: () => number;

  readonly #options: PostgresLeaseStoreOptions;

  /** @throws InvalidSettings when the retention is no positive whole number of seconds. */
  constructor(options: PostgresLeaseStoreOptions) {
    this.#options = options;
    const { retentionSeconds } = options;
    if (!Number.isSafeInteger(retentionSeconds) || retentionSeconds <= 0)
      throw new InvalidSettings([
        `retentionSeconds must be a positive whole number, got ${retentionSeconds}`,
      ]);
    this.now = options.now ?? Date.now;
  }

  async read(id: string): Promise<LeaseRow | undefined> {
    const { rows } = await look(
      this.#options.pool,
      `SELECT ${columns} FROM exactly_once.leases WHERE id = $1`,
      [id],
    );
    return rows[0] && readLease(rows[0]);
  }

  async claim(draft: LeaseDraft, over?: { row: LeaseRow; inDoubt: boolean }): Promise<Lease | LeaseRow> {
    const { id, validation = null, durationMs } = draft;
    const now = this.now();
    const sentAt = performance.now();
    const fence = randomUUID();
    const endsAt = Math.round(now + durationMs);
    const inDoubt = over?.inDoubt ?? false;
    // After a call that may have acted, the same call again; where nothing happened, what is asked for now.
    const args = inDoubt ? (over?.row.args ?? draft.args) : draft.args;
    const firstCallAt = Math.round(inDoubt && over !== undefined ? over.row.firstCallAt : now);
    const values = [id, fence, endsAt, firstCallAt, args ?? null, validation, this.#expiry()];
    const written =
      over === undefined
        ? await this.#write(insertLease, values)
        : await this.#write(
            `UPDATE exactly_once.leases SET ${claiming} WHERE id = $1 AND ${asSeen(8)} RETURNING 1`,
            [...values, ...seen(over.row)],
          );
    if (written) return { id, fence, endsAt, sentAt, args, inDoubt };
    // Gone in between (pruned): a new row then.
    return (await this.read(id)) ?? this.claim(draft);
  }

  async complete(lease: Lease, result: unknown): Promise<boolean> {
    return this.#completed(lease, 'result = $4', [resultText(result)]);
  }

  async completeWithout(lease: Lease, consumerName: string, reason: string): Promise<boolean> {
    return this.#completed(lease, 'lost = $4, attention = $5, since = now()', [
      shortly(reason),
      consumerName,
    ]);
  }

  async #completed({ id, fence }: Lease, set: string, values: readonly unknown[]): Promise<boolean> {
    const text = `UPDATE exactly_once.leases SET status = 'COMPLETED', expires_at = $3, args = NULL, ${set} WHERE ${owned} RETURNING 1`;
    return this.#owning({ id, fence }, 'COMPLETED', text, [this.#expiry(), ...values]);
  }

  async free(lease: Lease): Promise<boolean> {
    const text = `UPDATE exactly_once.leases SET status = 'FREE' WHERE ${owned} RETURNING 1`;
    return this.#owning(lease, 'FREE', text, []);
  }

  async unknown(lease: Lease, reason: string): Promise<boolean> {
    const text = `UPDATE exactly_once.leases SET status = 'UNKNOWN', reason = $3 WHERE ${owned} RETURNING 1`;
    return this.#owning(lease, 'UNKNOWN', text, [shortly(reason)]);
  }

  async renew(lease: Lease, durationMs: number): Promise<Lease | undefined> {
    const endsAt = Math.round(this.now() + durationMs);
    const sentAt = performance.now();
    const text = `UPDATE exactly_once.leases SET ends_at = $3, expires_at = $4 WHERE ${owned} RETURNING 1`;
    const written = await this.#write(text, [lease.id, lease.fence, endsAt, this.#expiry()]);
    return written ? { ...lease, endsAt, sentAt } : undefined;
  }

  async block(row: LeaseRow, consumerName: string, reason: string): Promise<boolean> {
    // A new fence, so that an owner who is still alive after all is refused.
    return this.#write(
      "UPDATE exactly_once.leases SET status = 'UNKNOWN', fence = $2, reason = $3, attention = $4, since = now() " +
        `WHERE id = $1 AND ${asSeen(5)} RETURNING 1`,
      [row.id, randomUUID(), shortly(reason), consumerName, ...seen(row)],
    );
  }

  async unlock(
    row: LeaseRow,
    outcome: { kind: 'done'; result: unknown } | { kind: 'not-done' },
    reason: string,
  ): Promise<boolean> {
    const done = outcome.kind === 'done';
    return this.#write(
      'UPDATE exactly_once.leases SET status = $2, fence = $3, reason = $4, result = $5, expires_at = $6, ' +
        `lost = NULL, attention = NULL, since = NULL WHERE id = $1 AND ${asSeen(7)} RETURNING 1`,
      [
        row.id,
        done ? 'COMPLETED' : 'FREE',
        randomUUID(),
        shortly(reason),
        done ? resultText(outcome.result) : null,
        this.#expiry(),
        ...seen(row),
      ],
    );
  }

  /** @returns false when the lease is not the caller's. */
  async #owning(
    { id, fence }: Pick<Lease, 'id' | 'fence'>,
    status: string,
    text: string,
    values: readonly unknown[],
  ): Promise<boolean> {
    if (await this.#write(text, [id, fence, ...values])) return true;
    // The answer was lost, and the caller says it again: the row says so already (R12).
    const row = await this.read(id);
    return row?.fence === fence && row.status === status;
  }

  #expiry(): Date {
    return new Date(this.now() + this.#options.retentionSeconds * 1000);
  }

  /** @returns whether a row was written. @throws CommitFailed when that is not known. */
  async #write(text: string, values: readonly unknown[]): Promise<boolean> {
    return (await write(this.#options.pool, 'a lease', text, values)).rows.length > 0;
  }
}

function seen({ fence, status, endsAt }: LeaseRow): readonly unknown[] {
  return [fence, status, endsAt];
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
function readLease(row: Readonly<Record<string, unknown>>): LeaseRow {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  const id = text('id') ?? '';
  if (Number(row.v) > rowVersion) throw new NewerRow(id, String(row.v), rowVersion);
  const result = text('result');
  return {
    id,
    status: text('status') ?? '',
    fence: text('fence'),
    endsAt: Number(row.ends_at),
    firstCallAt: Number(row.first_call_at),
    expiration: Math.floor(Number(row.expiration)),
    args: text('args'),
    validation: text('validation'),
    result: result === undefined ? undefined : valueOfText(result),
    lost: text('lost'),
    reason: text('reason'),
    blocked: text('attention') !== undefined,
  };
}

function resultText(result: unknown): string | null {
  if (result === undefined) return null;
  const text = valueText(result);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxResultBytes)
    throw new UnserialisableValue('$', `it has ${bytes} bytes, and a lease keeps ${maxResultBytes}`);
  return text;
}

/** A reason that fits into the row, whatever an error has to say. */
function shortly(reason: string): string {
  return storableReason(briefly(reason, 1024));
}
