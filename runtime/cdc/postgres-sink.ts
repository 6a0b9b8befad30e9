import { errorText, ExactlyOnceError, InvalidSettings } from '../dedup/error.js';
import { lastOfEachRow, type Change } from './change.js';
import { BatchRefused, SchemaChanged, SinkUnavailable, ValueMissing } from './errors.js';
import { sqlStateOf } from '../postgres/sql-state.js';
import { connected, quoted, type SqlClient, type SqlPool } from './pg-port.js';
import { postgresRows, type RowStatements, type SinkTable } from './postgres-rows.js';
import { columnTypes } from './postgres-values.js';
import { storedPosition } from './position.js';
import type { Batch, Sink, SinkState } from './sink.js';
import type { TopicPartition } from './source.js';

export interface PostgresSinkOptions {
  /** Names the sink's offsets. Two sinks with one name in one database are one sink. */
  readonly name: string;
  /** Such as a `pg.Pool`. */
  readonly pool: SqlPool;
  /** Where the rows of each topic go. */
  readonly tables: Readonly<Record<string, SinkTable>>;
  /**
   * The table of offsets, in the database of the rows: see {@link postgresSinkTable}.
   *
   * @default exactly_once_sink
   */
  readonly offsets?: string;
}

/**
 * SQLSTATEs that are about what is in a row: data and integrity (22, 23), a limit of the program, as of the size of a
 * key (54), what a trigger raises (P0001), and a type that does not fit (42804).
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const ofRow = /^(22|23|54|P0001|42804)/;

const defaultOffsets = 'exactly_once_sink';

/** The statement that makes the table of offsets. */
export function postgresSinkTable(name = defaultOffsets): string {
  return (
    `CREATE TABLE IF NOT EXISTS ${quoted(name)} (sink text NOT NULL, topic_id text NOT NULL, partition int NOT NULL, ` +
    'topic text NOT NULL, next bigint NOT NULL, position text COLLATE "C", ' +
    'PRIMARY KEY (sink, topic_id, partition))'
  );
}

/**
 * Writes into tables of Postgres. Offset, position and rows are one transaction, which begins with the
 * compare-and-set of the offset: a second writer waits for the first, finds the offset moved, and writes nothing.
 *
 * Rows are upserted by their primary key, several in one statement, and deleted; of several changes of a row in one
 * batch the last is written. A row that the database refuses (a type, a constraint) is found by halving the batch.
 */
export function postgresSink(options: PostgresSinkOptions): Sink {
  return new PostgresSink(options);
}

class PostgresSink implements Sink {
  readonly name: string;
  readonly #pool: SqlPool;
  readonly #tables: ReadonlyMap<string, SinkTable>;
  /** By topic, for the types that its table had when a partition was opened last. */
  readonly #statements = new Map<string, RowStatements>();
  readonly #offsets: string;

  constructor({ name, pool, tables, offsets = defaultOffsets }: PostgresSinkOptions) {
    this.name = name;
    this.#pool = pool;
    this.#offsets = quoted(offsets);
    this.#tables = new Map(Object.entries(tables));
  }

  async open(partition: TopicPartition): Promise<SinkState> {
    const table = this.#tableOf(partition);
    return this.#connected(async (client) => {
      await this.#prepare(client, partition, table);
      return this.#state(client, partition);
    });
  }

  check(change: Change): void {
    const { partition, offset, kind } = change;
    const statements =
      this.#statements.get(partition.topic) ?? postgresRows(this.#tableOf(partition), new Map());
    const problem = statements.problemOf(change);
    if (problem !== undefined) throw new SchemaChanged(partition, offset, problem);
    const [lacking] = kind === 'update' ? [] : statements.unchangedIn(change);
    if (lacking !== undefined) throw new ValueMissing(partition, offset, lacking);
  }

  async write(batch: Batch): Promise<SinkState> {
    const table = this.#tableOf(batch.partition);
    return this.#connected(async (client) => {
      const statements =
        this.#statements.get(batch.partition.topic) ?? (await this.#prepare(client, batch.partition, table));
      // A writer that is frozen within its transaction holds the offset: its session is ended for it.
      await client.query(
        // Whatever the database has as defaults.
        'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ' +
          'SET LOCAL lock_timeout = 10000; SET LOCAL idle_in_transaction_session_timeout = 30000',
      );
      try {
        if (!(await this.#moved(client, batch))) {
          await client.query('ROLLBACK');
          return await this.#state(client, batch.partition);
        }
        for (const { text, values, finds } of statements.of(
          lastOfEachRow(batch.changes, (change) => statements.keyOf(change)),
        )) {
          const { rowCount } = await client.query(text, values);
          if (finds !== undefined && rowCount !== finds)
            throw new BatchRefused('an update that leaves a large value as it was has found no row');
        }
        await client.query('COMMIT');
        return batch.to;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  async #prepare(client: SqlClient, { topic }: TopicPartition, table: SinkTable): Promise<RowStatements> {
    const statements = postgresRows(table, await columnTypes(client, quoted(table.table)));
    this.#statements.set(topic, statements);
    return statements;
  }

  /** The compare-and-set. It locks the offset until the transaction ends. */
  async #moved(
    client: SqlClient,
    { partition: { topic, topicId, partition }, from, to }: Batch,
  ): Promise<boolean> {
    const values = [this.name, topicId, partition, topic, String(to.next), to.position ?? null];
    const { rowCount } =
      from.next === 0n
        ? await client.query(
            `INSERT INTO ${this.#offsets} (sink, topic_id, partition, topic, next, position) ` +
              'VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING',
            values,
          )
        : await client.query(
            `UPDATE ${this.#offsets} SET topic = $4, next = $5, position = $6 ` +
              'WHERE sink = $1 AND topic_id = $2 AND partition = $3 AND next = $7',
            [...values, String(from.next)],
          );
    return rowCount === 1;
  }

  async #state(client: SqlClient, { topicId, partition }: TopicPartition): Promise<SinkState> {
    const { rows } = await client.query(
      `SELECT next::text AS next, position FROM ${this.#offsets} WHERE sink = $1 AND topic_id = $2 AND partition = $3`,
      [this.name, topicId, partition],
    );
    const [row] = rows;
    if (row === undefined) return { next: 0n };
    const next = BigInt(String(row.next));
    return typeof row.position === 'string' ? { next, position: storedPosition(row.position) } : { next };
  }

  #tableOf({ topic }: TopicPartition): SinkTable {
    const table = this.#tables.get(topic);
    if (table === undefined)
      throw new InvalidSettings([
        `sink '${this.name}' has no table for topic '${topic}'; name it in \`tables\``,
      ]);
    return table;
  }

  async #connected<T>(use: (client: SqlClient) => Promise<T>): Promise<T> {
    try {
      return await connected(this.#pool, use);
    } catch (error) {
      throw this.#thrown(error);
    }
  }

  #thrown(cause: unknown): Error {
    if (cause instanceof ExactlyOnceError) return cause;
    const state = sqlStateOf(cause);
    if (state !== undefined && ofRow.test(state))
      return new BatchRefused(`Postgres refused a row for what is in it (SQLSTATE ${state})`, { cause });
    return new SinkUnavailable(this.name, `cannot write to Postgres: ${errorText(cause)}`, { cause });
  }
}
