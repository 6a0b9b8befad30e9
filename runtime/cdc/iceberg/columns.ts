import type { Change, Columns } from '../change.js';
import { unlessMissing } from '../../dedup/package-missing.js';

/** Types of Iceberg that a column of the change log may have. `string` takes any value: what is no text as JSON. */
export type IcebergType = 'string' | 'long' | 'double' | 'boolean';

export interface IcebergColumn {
  readonly name: string;
  readonly type: IcebergType;
  readonly required?: boolean;
}

/** What every change has, before the columns that are mapped. */
const ownColumns: readonly IcebergColumn[] = [
  { name: '_op', type: 'string', required: true },
  { name: '_key', type: 'string', required: true },
  { name: '_row', type: 'string' },
  { name: '_topic', type: 'string', required: true },
  // A topic that is made anew under its name counts its offsets from 0 again.
  { name: '_topic_id', type: 'string', required: true },
  { name: '_partition', type: 'long', required: true },
  { name: '_offset', type: 'long', required: true },
  { name: '_position', type: 'string' },
];

export function allColumns(mapped: Readonly<Record<string, IcebergType>>): IcebergColumn[] {
  return [...ownColumns, ...Object.entries(mapped).map(([name, type]) => ({ name, type }))];
}

export function icebergSchema(columns: readonly IcebergColumn[]): object {
  const fields = columns.map(({ name, type, required = false }, index) => ({
    id: index + 1,
    name,
    required,
    type,
  }));
  return { type: 'struct', 'schema-id': 0, fields };
}

const physical = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  long: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
} as const;

/** A Parquet file of the changes. Columns carry the field ids by which Iceberg finds them. */
export async function parquetOf(
  changes: readonly Change[],
  columns: readonly IcebergColumn[],
): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer').catch(
    unlessMissing('hyparquet-writer', 'a sink that writes to Iceberg'),
  );
  const rows = changes.map(valuesOf);
  const columnData = columns.map(({ name, type }) => ({
    name,
    data: rows.map((row) => typed(row[name], type)),
  }));
  const schema = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type, required }, index) => ({
      name,
      ...physical[type],
      repetition_type: required ? ('REQUIRED' as const) : ('OPTIONAL' as const),
      field_id: index + 1,
    })),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
}

function valuesOf({ kind, key, row, partition, offset, position }: Change): Columns {
  return {
    ...key,
    ...row,
    _op: kind,
    _key: jsonOf(key),
    _row: row && jsonOf(row),
    _topic: partition.topic,
    _topic_id: partition.topicId,
    _partition: partition.partition,
    _offset: offset,
    _position: position,
  };
}

function typed(value: unknown, type: IcebergType): unknown {
  if (value === undefined || value === null) return null;
  if (type === 'string') return typeof value === 'string' ? value : jsonOf(value);
  if (type === 'long') return typeof value === 'bigint' ? value : BigInt(value as number);
  return type === 'double' ? Number(value) : value;
}

/** The reason why a value does not fit its column, or undefined. */
export function misfit(value: unknown, type: IcebergType): string | undefined {
  if (value === undefined || value === null || type === 'string') return undefined;
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'is no boolean';
  if (type === 'double')
    return typeof value === 'number' || typeof value === 'bigint' || isBeyondJson(value)
      ? undefined
      : 'is no number';
  const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!isWhole) return 'is no whole number';
  return BigInt.asIntN(64, BigInt(value as number)) === BigInt(value as number)
    ? undefined
    : 'is outside 64 bits';
}

/** Doubles that JSON has no number for: Kafka Connect writes them as text. */
function isBeyondJson(value: unknown): boolean {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity';
}

/** Integers that a JavaScript number does not hold become JSON numbers of all their digits. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? (JSON as unknown as RawJson).rawJSON(String(part)) : part,
  );
}

interface RawJson {
  rawJSON(text: string): unknown;
}
