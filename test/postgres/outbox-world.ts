import { Pool, type PoolClient } from 'pg';
import { migrate } from '../../runtime/postgres/migrate.js';
import type {
  PostgresEvent,
  PostgresOutbox,
  PublishedEvent,
  SqlPort,
} from '../../runtime/postgres/outbox/index.js';
import type { RelayedEvent } from '../../runtime/outbox/index.js';
import type { RelayTarget } from '../../runtime/outbox/targets/target.js';

export const source = 'test';

/** A database with an empty outbox. */
export class OutboxDatabase {
  private constructor(
    readonly url: string,
    readonly pool: Pool,
  ) {}

  static async of(url: string): Promise<OutboxDatabase> {
    const pool = new Pool({ connectionString: url, max: 12 });
    // Its server is stopped under it.
    pool.on('error', () => undefined);
    await migrate({ pool });
    return new OutboxDatabase(url, pool);
  }

  async query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.pool.query<Record<string, unknown>>(text, values)).rows;
  }

  async value(text: string, values: unknown[] = []): Promise<unknown> {
    return Object.values((await this.query(text, values))[0] ?? {})[0];
  }

  /** One event of each account, in one transaction. */
  async publish(outbox: PostgresOutbox, ...accounts: string[]): Promise<PublishedEvent[]> {
    return this.transaction(async (port) =>
      outbox.publishAll(
        port,
        accounts.map((account) => moved(account)),
      ),
    );
  }

  /** How many events polling has to send. */
  async unsent(): Promise<unknown> {
    return this.value('SELECT count(*)::int FROM exactly_once.outbox_unsent');
  }

  /** Drops a slot, while somebody reads it, too. Who has just stopped reading it may have it for a moment longer. */
  async dropSlot(slot: string): Promise<void> {
    const readers = 'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1';
    const drop = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
    await until(async () => {
      await this.query(readers, [slot]);
      return this.query(drop, [slot]).then(
        () => true,
        () => false,
      );
    });
  }

  /** Runs work in a transaction. */
  async transaction<T>(work: (port: SqlPort, client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(portOf(client), client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}

export function portOf(client: Pick<PoolClient, 'query'>): SqlPort {
  return { executeSql: async (text, values) => client.query<Record<string, unknown>>(text, [...values]) };
}

export function moved(account: string, move = 0): PostgresEvent {
  return { aggregate: { kind: 'account', name: account }, type: 'Moved', data: { account, move } };
}

/** What a target was sent, in the order in which it accepted it. */
export class Sink implements RelayTarget {
  readonly accepted: RelayedEvent[] = [];
  readonly call = { events: 500, bytes: Infinity, sizeOf: () => 0 };
  /** Says what is refused, and with what. */
  refuses: (event: RelayedEvent) => unknown = () => undefined;

  constructor(
    readonly name = 'sink',
    readonly types?: readonly string[],
  ) {}

  async send(events: readonly RelayedEvent[]): Promise<ReadonlyMap<RelayedEvent, unknown>> {
    const refused = new Map<RelayedEvent, unknown>();
    for (const event of events) {
      const error = await this.refuses(event);
      if (error === undefined) this.accepted.push(event);
      else refused.set(event, error);
    }
    return refused;
  }

  versionsOf(aggregate: string): number[] {
    return this.accepted
      .filter(({ event }) => (JSON.parse(event) as { aggregate: string }).aggregate === aggregate)
      .map(({ version }) => Number(version));
  }
}

export async function until(condition: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`it has not come to it within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
