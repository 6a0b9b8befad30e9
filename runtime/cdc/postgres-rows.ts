import { exactJsonText } from '../dedup/exact-json.js';
import type { Change, Columns } from './change.js';
import { quoted } from './pg-port.js';
import { asRead, expressionOf, isSpecial, misread, type ColumnTypes } from './postgres-values.js';

/** A table that rows are written into. */
export interface SinkTable {
  /** With its schema, unless it is on the search path. */
  readonly table: string;
  /** The columns of its primary key. */
  readonly key: readonly string[];
  /** Its other columns. A row that has one that is not named here is refused: its schema has changed. */
  readonly columns: readonly string[];
  /** Those of `columns` that may be missing in a row, and are null then. @default - none */
  readonly optional?: readonly string[];
  /** Columns of the source that are left out. @default - none */
  readonly ignored?: readonly string[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** How many rows it must find. @default - any number */
  readonly finds?: number;
}

/** How the rows of one table are written. */
export interface RowStatements {
  /** What is wrong with a row, for this table. */
  problemOf(change: Change): string | undefined;
  /** Columns of the table whose large value did not come. */
  unchangedIn(change: Change): readonly string[];
  keyOf(change: Change): string;
  /** At most one change of each row. */
  of(changes: readonly Change[]): readonly Statement[];
}

/**
 * Rows go to Postgres as one JSON parameter, which it reads by the table's own types: nothing is rounded on the way,
 * and a statement has no number of parameters to run out of.
 */
export function postgresRows(given: SinkTable, types: ColumnTypes): RowStatements {
  const { key, columns, optional = [], ignored = [] } = given;
  const table = quoted(given.table);
  const all = [...key, ...columns];
  const known = new Set([...all, ...ignored]);
  const needed = all.filter((name) => !optional.includes(name));
  const list = (names: readonly string[]) => names.map(quoted).join(', ');
  const typeOf = (name: string) => types.get(name) ?? '';
  const read = (name: string) => expressionOf(`d.${quoted(name)}`, typeOf(name));
  const special = all.filter((name) => isSpecial(typeOf(name)));
  const valueOf = (value: unknown, name: string) =>
    special.includes(name) ? asRead(value, typeOf(name)) : value;
  const pick = (row: Columns, names: readonly string[]): Columns =>
    Object.fromEntries(names.map((name) => [name, valueOf(row[name] ?? null, name)]));
  const unchangedIn = ({ unchanged = [] }: Change) => unchanged.filter((name) => columns.includes(name));
  const rowsOf = `json_populate_recordset(null::${table}, $1::json)`;
  const same = key.map((name) => `t.${quoted(name)} = d.${quoted(name)}`).join(' AND ');
  const updates = columns.map((name) => `${quoted(name)} = EXCLUDED.${quoted(name)}`).join(', ');
  const upsert =
    `INSERT INTO ${table} (${list(all)}) SELECT ${all.map(read).join(', ')} FROM ${rowsOf} AS d ` +
    `ON CONFLICT (${list(key)}) DO ${updates === '' ? 'NOTHING' : `UPDATE SET ${updates}`}`;
  const remove = `DELETE FROM ${table} AS t USING ${rowsOf} AS d WHERE ${same}`;
  const update = (names: readonly string[]) =>
    `UPDATE ${table} AS t SET ${names.map((name) => `${quoted(name)} = ${read(name)}`).join(', ')} ` +
    `FROM ${rowsOf} AS d WHERE ${same}`;

  return {
    problemOf({ key: keys, row, unchanged = [] }) {
      const lacking = key.find((name) => keys[name] === undefined || keys[name] === null);
      if (lacking !== undefined) return `lacks column '${lacking}' of its key`;
      if (row === undefined) return undefined;
      const foreign = Object.keys(row).find((name) => !known.has(name));
      if (foreign !== undefined)
        return `has a column '${foreign}' that the sink does not know; name it in \`columns\` or \`ignored\``;
      const missing = needed.find((name) => row[name] === undefined && !unchanged.includes(name));
      if (missing !== undefined)
        return `lacks column '${missing}'; name it in \`optional\`, if it has been dropped`;
      for (const name of special) {
        const problem = misread(row[name], typeOf(name));
        if (problem !== undefined) return `has a value of column '${name}' that ${problem}`;
      }
      return undefined;
    },
    unchangedIn,
    keyOf: ({ key: keys }) => exactJsonText(key.map((name) => keys[name])),
    of(changes) {
      const whole: Columns[] = [];
      const gone: Columns[] = [];
      const partial = new Map<string, Columns[]>();
      for (const change of changes) {
        const { kind, key: keys, row = {} } = change;
        if (kind === 'delete') gone.push(pick(keys, key));
        else if (unchangedIn(change).length === 0) whole.push(pick({ ...row, ...keys }, all));
        else {
          const names = columns.filter((name) => row[name] !== undefined);
          const id = JSON.stringify(names);
          partial.set(id, [...(partial.get(id) ?? []), pick({ ...row, ...keys }, [...key, ...names])]);
        }
      }
      const statement = (text: string, rows: readonly Columns[]): Statement[] =>
        rows.length === 0 ? [] : [{ text, values: [exactJsonText(rows)] }];
      return [
        ...statement(remove, gone),
        ...statement(upsert, whole),
        // Rows whose large values did not come: what is there stays.
        ...[...partial].flatMap(([id, rows]) => {
          const names = JSON.parse(id) as string[];
          return names.length === 0
            ? []
            : statement(update(names), rows).map((one) => ({ ...one, finds: rows.length }));
        }),
      ];
    },
  };
}
