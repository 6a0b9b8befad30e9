import type { Limits } from '../../dedup/limits.js';
import type { PostgresPool } from '../../postgres/client.js';
import { ask } from '../../postgres/entry.js';
import type { CountRows } from '../delivery-count.js';

const read = 'SELECT ranges FROM exactly_once.kafka_deliveries WHERE consumer = $1 AND partition = $2';
const write =
  'INSERT INTO exactly_once.kafka_deliveries (consumer, partition, ranges) VALUES ($1, $2, $3) ' +
  'ON CONFLICT (consumer, partition) DO UPDATE SET ranges = excluded.ranges';

/** Counts of deliveries as rows of the schema `exactly_once`: one per partition that a consumer has seen. */
export class PostgresCountRows implements CountRows {
  readonly #pool: PostgresPool;
  readonly #consumerName: string;

  constructor(pool: PostgresPool, consumerName: string) {
    this.#pool = pool;
    this.#consumerName = consumerName;
  }

  async read(id: string, limits: Limits): Promise<string | undefined> {
    const { rows } = await ask(this.#pool, limits, read, [this.#consumerName, id]);
    return rows[0]?.ranges as string | undefined;
  }

  async write(id: string, text: string, limits: Limits): Promise<void> {
    await ask(this.#pool, limits, write, [this.#consumerName, id, text]);
  }
}
