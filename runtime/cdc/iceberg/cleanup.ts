import type { S3Client } from '@aws-sdk/client-s3';
import { backoff } from '../../dedup/backoff.js';
import { errorText } from '../../dedup/error.js';
import { SinkUnavailable } from '../errors.js';
import { LazyS3 } from '../s3-client.js';
import type { IcebergCatalog, TableMetadata } from './catalog.js';
import { icebergFileCatalog } from './file-catalog.js';
import { maxStagedMs } from './iceberg-sink.js';
import { entriesOf, manifestsOf, status } from './manifests.js';

export interface IcebergCleanupOptions {
  readonly bucket: string;
  /** Of the table, such as `lake/payments/`. */
  readonly prefix: string;
  /**
   * Files younger than that stay, whoever refers to them. At least 2 hours: a sink writes anew what it has staged for
   * one, and clocks differ. Readers that have begun at an expired snapshot want theirs for so long, too.
   *
   * @default 3 days
   */
  readonly olderThanMs?: number;
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

const defaultOlderThanMs = 3 * 24 * 3_600_000;
const fenceMs = 30_000;
/** Of DeleteObjects. */
const maxDeleted = 1_000;

/**
 * Removes what no snapshot of the table refers to any more: lists and manifests of snapshots that have expired
 * (`keepSnapshots`), manifests that were merged, and data files whose commit lost its race. Data files of the table
 * are never touched, and neither are its `vN.metadata.json`, which compare-and-set stands on.
 *
 * It commits first, so that a sink which was frozen before its own commit is refused, and writes its files anew. It
 * may run at any time, several at once, and be killed.
 *
 * @throws SinkUnavailable
 */
export async function icebergCleanup(options: IcebergCleanupOptions): Promise<{ readonly removed: number }> {
  const { bucket, prefix, client, olderThanMs = defaultOlderThanMs } = options;
  const before = Date.now() - Math.max(olderThanMs, 2 * maxStagedMs);
  const s3 = new LazyS3(client);
  const catalog = icebergFileCatalog({ bucket, prefix, client });
  try {
    const metadata = await fenced(catalog);
    if (metadata === undefined) return { removed: 0 };
    const kept = await referredTo(catalog, metadata);
    const old = await oldFiles(s3, bucket, prefix, before);
    const names = old.filter((name) => !kept.has(`s3://${bucket}/${name}`));
    await remove(s3, bucket, names);
    return { removed: names.length };
  } catch (cause) {
    if (cause instanceof SinkUnavailable) throw cause;
    throw new SinkUnavailable('cleanup', `cannot use table '${catalog.place}': ${errorText(cause)}`, {
      cause,
    });
  }
}

/** Commits that it was here: every base that somebody holds is behind now. */
async function fenced(catalog: IcebergCatalog): Promise<TableMetadata | undefined> {
  const deadline = Date.now() + fenceMs;
  for (let attempt = 0; ; attempt += 1) {
    const base = await catalog.load();
    const [schema] = base.metadata?.schemas ?? [];
    if (schema === undefined) return undefined;
    const properties = { 'exactly-once.cleaned': new Date().toISOString() };
    if (await catalog.commit({ base, properties, schema })) return (await catalog.load()).metadata;
    if (Date.now() >= deadline)
      throw new SinkUnavailable('cleanup', `lost every race for '${catalog.place}' for ${fenceMs} ms`);
    await backoff(attempt, deadline);
  }
}

/** Every path that a snapshot of the metadata leads to. */
async function referredTo(catalog: IcebergCatalog, { snapshots }: TableMetadata): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const snapshot of snapshots) {
    paths.add(snapshot['manifest-list']);
    for (const manifest of await manifestsOf(catalog, snapshot)) {
      if (paths.has(manifest.manifest_path)) continue;
      paths.add(manifest.manifest_path);
      for (const entry of await entriesOf(catalog, manifest))
        if (entry.status !== status.deleted) paths.add(entry.data_file.file_path);
    }
  }
  return paths;
}

async function oldFiles(s3: LazyS3, Bucket: string, prefix: string, before: number): Promise<string[]> {
  const { client, sdk } = await s3.load();
  const names: string[] = [];
  const Prefix = `${prefix.replace(/\/$/, '')}/`;
  for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket, Prefix }))
    for (const { Key = '', LastModified } of Contents) {
      const isOurs = /^(data\/[^/]+\.parquet|metadata\/[^/]+\.avro)$/.test(Key.slice(Prefix.length));
      if (isOurs && (LastModified?.getTime() ?? Infinity) < before) names.push(Key);
    }
  return names;
}

async function remove(s3: LazyS3, Bucket: string, names: readonly string[]): Promise<void> {
  const { client, sdk } = await s3.load();
  for (let first = 0; first < names.length; first += maxDeleted) {
    const Objects = names.slice(first, first + maxDeleted).map((Key) => ({ Key }));
    const { Errors: [error] = [] } = await client.send(
      new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
    );
    if (error !== undefined)
      throw new SinkUnavailable('cleanup', `could not remove '${error.Key}': ${error.Code}`);
  }
}
