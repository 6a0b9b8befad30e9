import { exactJsonText } from '../../dedup/exact-json.js';
import { InvalidSettings } from '../../dedup/error.js';

/** Which columns of a table are compared, and by which it is known. */
export interface AuditedColumns {
  /** Both sides name it alike. */
  readonly partition: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** Key and text of a row, whose values are native or text: `1`, `1n` and `'1'` are the same, null is not `''`. */
export function rowText({ key, columns }: AuditedColumns, row: Readonly<Record<string, unknown>>) {
  return { key: textsOf(key, row), text: textsOf(columns, row) };
}

function textsOf(names: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(names.map((name) => valueText(row[name])));
}

function valueText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object') return exactJsonText(sorted(value));
  return `${value as string | number | bigint | boolean}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

/** @throws InvalidSettings for what could compare nothing. */
export function assertColumns({ key, columns }: AuditedColumns): void {
  const problems = [
    ...(key.length === 0 ? ['key names no column'] : []),
    ...(columns.length === 0 ? ['columns names no column: only the keys would be compared'] : []),
  ];
  if (problems.length > 0) throw new InvalidSettings(problems);
}
