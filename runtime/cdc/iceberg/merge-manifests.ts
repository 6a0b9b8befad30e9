import { randomUUID } from 'node:crypto';
import type { IcebergCatalog } from './catalog.js';
import type { IcebergColumn } from './columns.js';
import { entriesOf, manifestOf, status, type ManifestEntry, type ManifestOfList } from './manifests.js';

/** `commit.manifest.min-count-to-merge` of Iceberg's own writers, whose default is the same. */
export const defaultMinManifests = 100;
/** `commit.manifest.target-size-bytes`. */
const targetBytes = 8 * 1024 * 1024;
/** Requests at once. */
const reads = 10;

export interface Merging {
  readonly catalog: IcebergCatalog;
  readonly columns: readonly IcebergColumn[];
  /** So many small manifests become one. */
  readonly minManifests: number;
  /** That refers to what is merged. */
  readonly snapshot: { readonly id: number; readonly sequence: number };
}

/**
 * A commit adds a manifest. Once there are 100 small ones these become one, so that a manifest list holds at most 100
 * and one for each 8 MiB of entries (about 40,000 data files): neither a commit nor a reader takes longer and longer.
 *
 * @see https://iceberg.apache.org/docs/latest/configuration/#table-behavior-properties
 */
export async function withManifestsMerged(
  manifests: readonly ManifestOfList[],
  { catalog, columns, minManifests, snapshot }: Merging,
): Promise<readonly ManifestOfList[]> {
  const small = manifests.filter(({ manifest_length }) => manifest_length < targetBytes);
  if (small.length < minManifests) return manifests;
  const entries = await allEntries(catalog, small);
  const body = await manifestOf(entries, columns);
  const merged: ManifestOfList = {
    manifest_path: await catalog.write(`metadata/${randomUUID()}-m1.avro`, body),
    manifest_length: body.byteLength,
    partition_spec_id: 0,
    content: 0,
    sequence_number: snapshot.sequence,
    min_sequence_number: Math.min(...small.map(({ min_sequence_number }) => min_sequence_number)),
    added_snapshot_id: snapshot.id,
    added_files_count: 0,
    existing_files_count: entries.length,
    deleted_files_count: 0,
    added_rows_count: 0,
    existing_rows_count: entries.reduce((sum, { data_file }) => sum + data_file.record_count, 0),
    deleted_rows_count: 0,
  };
  return [...manifests.filter((one) => !small.includes(one)), merged];
}

/** What they refer to, with the numbers that were inherited until now. */
async function allEntries(
  catalog: IcebergCatalog,
  manifests: readonly ManifestOfList[],
): Promise<ManifestEntry[]> {
  const found: ManifestEntry[] = [];
  for (let first = 0; first < manifests.length; first += reads) {
    const some = manifests.slice(first, first + reads);
    const entries = await Promise.all(
      some.map(async (manifest) =>
        (await entriesOf(catalog, manifest))
          .filter((entry) => entry.status !== status.deleted)
          .map((entry) => ({
            ...entry,
            status: status.existing,
            snapshot_id: entry.snapshot_id ?? manifest.added_snapshot_id,
            sequence_number: entry.sequence_number ?? manifest.sequence_number,
            file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number,
          })),
      ),
    );
    found.push(...entries.flat());
  }
  return found;
}
