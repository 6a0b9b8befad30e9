import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { portOf, source, type OutboxDatabase } from './outbox-world.js';

/** Publishes as an application does, and remembers what has committed. */
export class Load {
  /** Numbers of events of transactions that committed: each is in the data of one event. */
  readonly committed = new Set<number>();
  readonly rolledBack = new Set<number>();
  readonly #outbox = postgresOutbox({ source });
  #next = 0;

  constructor(
    private readonly db: OutboxDatabase,
    private readonly random: () => number,
  ) {}

  /** One transaction of up to five events, of which some are rolled back. */
  async one(): Promise<void> {
    const numbers = Array.from({ length: 1 + Math.floor(this.random() * 5) }, () => this.#next++);
    const fails = this.random() < 0.15;
    await this.db
      .transaction(async (port) => {
        const events = numbers.map((n) => this.#event(`account-${Math.floor(this.random() * 40)}`, n));
        await this.#outbox.publishAll(port, events);
        if (fails) throw new Error('the user changed their mind');
      })
      .catch((error: unknown) => {
        if (!fails) throw error;
      });
    for (const n of numbers) (fails ? this.rolledBack : this.committed).add(n);
  }

  /** A transaction that stays open. @returns publishes in it, and commits it */
  async long(name: string): Promise<{ publish(): Promise<void>; commit(): Promise<void> }> {
    const client = await this.db.pool.connect();
    await client.query('BEGIN');
    const numbers: number[] = [];
    return {
      publish: async () => {
        const n = this.#next++;
        numbers.push(n);
        await this.#outbox.publish(portOf(client), this.#event(name, n));
      },
      commit: async () => {
        await client.query('COMMIT');
        client.release();
        for (const n of numbers) this.committed.add(n);
      },
    };
  }

  /** A thousand rows by COPY, in one transaction. */
  async copy(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-copy-'));
    await chmod(folder, 0o755);
    const numbers = Array.from({ length: 1_000 }, () => this.#next++);
    const file = join(folder, 'rows.tsv');
    await writeFile(
      file,
      numbers.map((n) => `${source}\taccount\tcopied-${n % 7}\tMoved\t{"n":${n}}\n`).join(''),
    );
    await this.db.query(
      `COPY exactly_once.outbox (source, aggregatetype, aggregateid, type, payload) FROM '${file}'`,
    );
    for (const n of numbers) this.committed.add(n);
    await rm(folder, { recursive: true });
  }

  #event(name: string, n: number) {
    return { aggregate: { kind: 'account', name }, type: 'Moved', data: { n } };
  }
}

export interface Audit {
  readonly committed: number;
  readonly received: number;
  readonly acted: number;
  readonly lost: number;
  /** Events that acted twice, that were rolled back, or that nobody has published. */
  readonly wrong: number;
  /** Deliveries that came before an earlier version of their aggregate. */
  readonly outOfOrder: number;
}

/**
 * Plays a consumer over what a target has accepted, in its order: an event acts if its version is the next one of its
 * aggregate. Acts are counted by what is in the event, which no version and no key protects.
 */
export function audit(journal: string, load: Load): Audit {
  const last = new Map<string, number>();
  const acts = new Map<number, number>();
  let [received, acted, outOfOrder] = [0, 0, 0];
  for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) {
    const { aggregate, version, data } = JSON.parse(line) as {
      aggregate: string;
      version: string;
      data: { n: number };
    };
    received += 1;
    const before = last.get(aggregate) ?? 0;
    if (Number(version) > before + 1) outOfOrder += 1;
    if (Number(version) !== before + 1) continue;
    last.set(aggregate, before + 1);
    acts.set(data.n, (acts.get(data.n) ?? 0) + 1);
    acted += 1;
  }
  return {
    ...{ committed: load.committed.size, received, acted, outOfOrder },
    lost: [...load.committed].filter((n) => !acts.has(n)).length,
    wrong: [...acts].filter(([n, times]) => times > 1 || !load.committed.has(n)).length,
  };
}
