import type { Once } from '../dedup/effect.js';
import { InvalidSettings } from '../dedup/error.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified, Prepared, Way } from '../dedup/way.js';
import type { Isolation } from './begin.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';
import { judge, readReceipts, type ReceiptRow } from './receipts.js';
import type { PostgresStore } from './opening.js';
import { noteDuplicate, runMessage, type Work } from './run-message.js';
import { assertSchema } from './schema.js';
import type { PostgresTx } from './transaction.js';

/** A message that could be read: what a handler is given of it, with its identity. */
export interface Received<Given extends { readonly key: string }> extends Identified {
  readonly message: Given;
}

export interface PostgresWayOptions<Given> {
  readonly pool: PostgresPool;
  /** How long a receipt lives, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
  /** @default 'repeatable read' */
  readonly isolation?: Isolation;
  readonly handle: (message: Given, tx: PostgresTx) => unknown;
  /**
   * When the transaction of a message opens. `'late'`: with its first statement, or when the handler has returned. So
   * a handler that takes hours before it writes holds neither a connection nor a snapshot meanwhile; and one that
   * finds in its first statement that another worker has acted on the message is a duplicate then.
   *
   * @default 'first': before the handler runs
   */
  readonly opens?: 'first' | 'late';
  /** Gives transactions `tx.once`. @default - it throws */
  readonly onceFor?: (key: string, remainingMs: () => number, fingerprint?: string) => Once;
}

/** A message that waits for its transaction. */
export interface PostgresUnit extends Prepared {
  readonly work: (limits: Limits) => Work;
}

/** What `pg` makes of a pool without a size. */
const defaultConnections = 10;

/** Connections that a pool may open. */
export function connectionsOf({ options }: PostgresPool): number {
  return options?.max ?? defaultConnections;
}

/**
 * The transaction way on Postgres: for each message one transaction, in which its identity is taken, its handler
 * runs, and both are committed.
 *
 * The transaction opens in `commit`, not in `prepare`: none is held open while others of its batch are made ready,
 * and a row that two lanes write is free when the first is through. Messages of
 * a lane run one after the other, each when the one before it is durable; lanes run side by side, as many as the pool
 * has connections.
 *
 * @throws InvalidSettings when the retention is no positive whole number of seconds, or when effects outside the
 *   database would wait for the only connection of the pool.
 */
export function postgresWay<
  Given extends { readonly key: string },
  Message extends Received<Given> = Received<Given>,
>(options: PostgresWayOptions<Given>): Way<Message, PostgresUnit> {
  const { pool, retentionSeconds, isolation = 'repeatable read', handle, onceFor, opens } = options;
  const most = connectionsOf(pool);
  const problems = [];
  if (!Number.isSafeInteger(retentionSeconds) || retentionSeconds <= 0)
    problems.push(`retentionSeconds must be a positive whole number, got ${retentionSeconds}`);
  if (onceFor !== undefined && most < 2)
    problems.push(`leases need a second connection beside that of the transaction, the pool has ${most}`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  const store: PostgresStore = { pool, retentionSeconds, isolation };
  // An effect writes its lease on a connection of its own, while the transaction of its message has one.
  const width = onceFor === undefined ? most : Math.floor(most / 2);
  return {
    forgets: true,
    ready: async (limits) => assertSchema(pool, limits),
    prepare: ({ id, fingerprint, message }, { lane }) => ({
      lane,
      work: ({ deadline }) => ({
        id,
        fingerprint,
        handle: (tx) => handle(message, tx),
        opensLate: opens === 'late',
        once: onceFor?.(message.key, () => Math.max(0, deadline - Date.now()), fingerprint),
      }),
    }),
    async commit(units, limits) {
      const outcomes = new Map<PostgresUnit, Outcome>();
      const lanes = [...Map.groupBy(units, ({ lane }) => lane).values()];
      const worker = async () => {
        for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift())
          for (const unit of lane) {
            const outcome = await runMessage(store, unit.work(limits), limits);
            outcomes.set(unit, outcome);
            if (outcome.kind === 'retry' || outcome.kind === 'rejected') break;
          }
      };
      await Promise.all(Array.from({ length: Math.min(width, lanes.length) }, worker));
      return { outcomes };
    },
    async recall(messages, limits) {
      // Of an identity that Postgres cannot hold there is no receipt, and asking for it would fail its neighbours.
      const ids = messages.map(({ id }) => id).filter((id) => !id.includes('\0'));
      const { rows } = await ask(pool, limits, readReceipts, [ids]);
      const found = new Map(rows.map((row) => [row.id, row as unknown as ReceiptRow]));
      const outcomes = new Map<Message, Outcome>();
      for (const message of messages) {
        const row = found.get(message.id);
        if (row === undefined) continue;
        const outcome = judge(row, message);
        // A row of a newer version proves nothing (R17).
        if (outcome.kind === 'retry') continue;
        outcomes.set(message, outcome);
        if (outcome.kind === 'duplicate') await noteDuplicate(pool, row, retentionSeconds, limits);
      }
      return outcomes;
    },
  };
}
