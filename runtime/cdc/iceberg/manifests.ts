import { avroFile, avroRows } from './avro-file.js';
import type { IcebergCatalog, Snapshot } from './catalog.js';
import { icebergSchema, type IcebergColumn } from './columns.js';

/** A row of a manifest list, as the specification of format 2 names its fields. */
export interface ManifestOfList {
  readonly manifest_path: string;
  readonly manifest_length: number;
  readonly partition_spec_id: number;
  readonly content: number;
  readonly sequence_number: number;
  readonly min_sequence_number: number;
  readonly added_snapshot_id: number;
  readonly added_files_count: number;
  readonly existing_files_count: number;
  readonly deleted_files_count: number;
  readonly added_rows_count: number;
  readonly existing_rows_count: number;
  readonly deleted_rows_count: number;
}

export interface DataFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

const field = (id: number, name: string, type: unknown) => ({ name, type, 'field-id': id });
const optional = (id: number, name: string, type: string) => ({
  ...field(id, name, ['null', type]),
  default: null,
});

/** @see https://iceberg.apache.org/spec/#manifests */
const entrySchema = {
  type: 'record',
  name: 'manifest_entry',
  fields: [
    field(0, 'status', 'int'),
    optional(1, 'snapshot_id', 'long'),
    optional(3, 'sequence_number', 'long'),
    optional(4, 'file_sequence_number', 'long'),
    field(2, 'data_file', {
      type: 'record',
      name: 'r2',
      fields: [
        field(134, 'content', 'int'),
        field(100, 'file_path', 'string'),
        field(101, 'file_format', 'string'),
        field(102, 'partition', { type: 'record', name: 'r102', fields: [] }),
        field(103, 'record_count', 'long'),
        field(104, 'file_size_in_bytes', 'long'),
      ],
    }),
  ],
};

/** @see https://iceberg.apache.org/spec/#manifest-lists */
const listSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    field(500, 'manifest_path', 'string'),
    field(501, 'manifest_length', 'long'),
    field(502, 'partition_spec_id', 'int'),
    field(517, 'content', 'int'),
    field(515, 'sequence_number', 'long'),
    field(516, 'min_sequence_number', 'long'),
    field(503, 'added_snapshot_id', 'long'),
    field(504, 'added_files_count', 'int'),
    field(505, 'existing_files_count', 'int'),
    field(506, 'deleted_files_count', 'int'),
    field(512, 'added_rows_count', 'long'),
    field(513, 'existing_rows_count', 'long'),
    field(514, 'deleted_rows_count', 'long'),
  ],
};

/** A row of a manifest. Numbers that are null are inherited from its row of the manifest list. */
export interface ManifestEntry {
  readonly status: number;
  readonly snapshot_id: number | null;
  readonly sequence_number: number | null;
  readonly file_sequence_number: number | null;
  readonly data_file: {
    readonly content: number;
    readonly file_path: string;
    readonly file_format: string;
    readonly partition: object;
    readonly record_count: number;
    readonly file_size_in_bytes: number;
  };
}

/** @see https://iceberg.apache.org/spec/#manifest-entry-fields */
export const status = { existing: 0, added: 1, deleted: 2 } as const;

/** A new data file. Its sequence number is inherited, so that a commit that lost a race keeps its manifest. */
export function addedFile({ path, rows, bytes }: DataFile, snapshotId: number): ManifestEntry {
  return {
    status: status.added,
    snapshot_id: snapshotId,
    sequence_number: null,
    file_sequence_number: null,
    data_file: {
      content: 0,
      file_path: path,
      file_format: 'PARQUET',
      partition: {},
      record_count: rows,
      file_size_in_bytes: bytes,
    },
  };
}

export function manifestOf(
  entries: readonly ManifestEntry[],
  columns: readonly IcebergColumn[],
): Promise<Buffer> {
  return avroFile(entrySchema, entries, {
    schema: JSON.stringify(icebergSchema(columns)),
    'schema-id': '0',
    'partition-spec': '[]',
    'partition-spec-id': '0',
    'format-version': '2',
    content: 'data',
  });
}

/** Rows of the manifest list of a snapshot. */
export async function manifestsOf(catalog: IcebergCatalog, snapshot: Snapshot): Promise<ManifestOfList[]> {
  return avroRows<ManifestOfList>(await catalog.read(snapshot['manifest-list']));
}

/** Entries of a manifest. */
export async function entriesOf(catalog: IcebergCatalog, manifest: ManifestOfList): Promise<ManifestEntry[]> {
  return avroRows<ManifestEntry>(await catalog.read(manifest.manifest_path));
}

export function manifestListOf(
  manifests: readonly ManifestOfList[],
  snapshot: { readonly id: number; readonly parent?: number; readonly sequence: number },
): Promise<Buffer> {
  return avroFile(listSchema, manifests, {
    'snapshot-id': String(snapshot.id),
    'parent-snapshot-id': String(snapshot.parent ?? 'null'),
    'sequence-number': String(snapshot.sequence),
    'format-version': '2',
  });
}
