import { quoted, type SqlClient } from '../pg-port.js';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface PostgresSideOptions extends AuditedColumns {
  /** Such as a `pg.Pool`. */
  readonly client: SqlClient;
  readonly table: string;
}

const page = 5_000;

/** The rows of a table of Postgres, their values as Postgres writes them as text. */
export function postgresSide(options: PostgresSideOptions): AuditSide {
  assertColumns(options);
  const { client, table, key, columns, partition } = options;
  const names = [...new Set([...key, ...columns])];
  const list = names.map((name) => `t.${quoted(name)}::text AS ${quoted(name)}`).join(', ');
  // Of the table: the selected text of the same name has another order.
  const order = key.map((name) => `t.${quoted(name)}`).join(', ');
  return {
    name: `postgres ${table}`,
    async *rows() {
      let last: readonly unknown[] | undefined;
      for (;;) {
        const after =
          last === undefined ? '' : ` WHERE (${order}) > (${last.map((_, i) => `$${i + 1}`).join(', ')})`;
        const { rows } = await client.query(
          `SELECT ${list} FROM ${quoted(table)} AS t${after} ORDER BY ${order} LIMIT ${page}`,
          last,
        );
        for (const row of rows) yield { partition, ...rowText(options, row) };
        const end = rows.at(-1);
        if (end === undefined || rows.length < page) return;
        last = key.map((name) => end[name]);
      }
    },
  };
}
