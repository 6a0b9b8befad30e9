import { randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { backoff } from '../../dedup/backoff.js';
import { errorText } from '../../dedup/error.js';
import { PackageMissing } from '../../dedup/package-missing.js';
import type { Change } from '../change.js';
import { RowTooLarge, SchemaChanged, SinkUnavailable } from '../errors.js';
import { storedPosition } from '../position.js';
import type { Batch, Sink, SinkState } from '../sink.js';
import type { TopicPartition } from '../source.js';
import type { IcebergCatalog, Snapshot, TableMetadata, TableState } from './catalog.js';
import { allColumns, icebergSchema, misfit, parquetOf, type IcebergType } from './columns.js';
import { addedFile, manifestListOf, manifestOf, manifestsOf, type ManifestOfList } from './manifests.js';
import { defaultMinManifests, withManifestsMerged } from './merge-manifests.js';

export interface IcebergSinkOptions {
  /** Names the sink's offsets among the properties of the table: never change it. */
  readonly name: string;
  readonly catalog: IcebergCatalog;
  /** Columns of the source's rows that become columns of the table. @default - none: `_key` and `_row` hold all */
  readonly schema?: Readonly<Record<string, IcebergType>>;
  /** The value of a record may have so many bytes: a batch is in memory several times. @default 16 MiB */
  readonly maxRowBytes?: number;
  /** How long a write goes on that loses races against other processes, milliseconds. @default 30000 */
  readonly contentionMs?: number;
  /** So many small manifests are merged into one by the next commit. At least 2. @default 100 */
  readonly minManifestsToMerge?: number;
}

const defaultMaxRowBytes = 16 * 1024 * 1024;
/**
 * Files that were written longer ago are written anew: `icebergCleanup` removes what is older and not referred to.
 */
export const maxStagedMs = 60 * 60_000;

interface NewRows {
  readonly since: number;
  readonly snapshotId: number;
  readonly manifest: Omit<ManifestOfList, 'sequence_number' | 'min_sequence_number'>;
}

/**
 * Appends each change as a row to a table of Iceberg, format 2: an append-only change log, in which a delete is a
 * row, too. Rows, offset and source position change in one commit of the table's metadata; offset and position are
 * table properties, which compaction and the expiry of snapshots leave alone, and only move forward.
 *
 * A data file whose commit lost is never referenced: a `data/<sink>-…` that no manifest names may be removed after
 * a day.
 */
export function icebergSink(options: IcebergSinkOptions): Sink {
  return new IcebergSink(options);
}

class IcebergSink implements Sink {
  readonly name: string;
  readonly #options: IcebergSinkOptions;
  readonly #columns;
  readonly #schema: object;
  /** Ends when the write before has ended. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: IcebergSinkOptions) {
    this.#options = options;
    this.name = options.name;
    this.#columns = allColumns(options.schema ?? {});
    this.#schema = icebergSchema(this.#columns);
  }

  async open(partition: TopicPartition): Promise<SinkState> {
    return this.#asking(async () => this.#stateOf((await this.#load()).metadata, partition));
  }

  check({ partition, offset, key, row, record }: Change): void {
    const { maxRowBytes = defaultMaxRowBytes } = this.#options;
    const bytes = record.value?.byteLength ?? 0;
    if (bytes > maxRowBytes)
      throw new RowTooLarge(partition, offset, `has ${bytes} bytes, \`maxRowBytes\` allows ${maxRowBytes}`);
    const all = { ...key, ...row };
    for (const [name, type] of Object.entries(this.#options.schema ?? {})) {
      const problem = misfit(all[name], type);
      if (problem !== undefined)
        throw new SchemaChanged(partition, offset, `has a column '${name}' that ${problem}`);
    }
  }

  write(batch: Batch): Promise<SinkState> {
    // Partitions of one process do not race each other: each commit would fail all others.
    const written = this.#turn.then(() => this.#asking(() => this.#written(batch)));
    this.#turn = written.then(
      () => undefined,
      () => undefined,
    );
    return written;
  }

  async #written(batch: Batch): Promise<SinkState> {
    const { contentionMs = 30_000 } = this.#options;
    const deadline = Date.now() + contentionMs;
    let rows: NewRows | undefined;
    for (let attempt = 0; ; attempt += 1) {
      const base = await this.#load();
      const state = this.#stateOf(base.metadata, batch.partition);
      // Somebody else has moved the partition, or we have, and the answer was lost.
      if (state.next !== batch.from.next || state.position !== batch.from.position) return state;
      if (rows !== undefined && Date.now() - rows.since > maxStagedMs) rows = undefined;
      if (batch.changes.length > 0) rows ??= await this.#stage(batch);
      const snapshot = rows && (await this.#snapshot(base, rows));
      const properties = this.#properties(batch);
      if (await this.#options.catalog.commit({ base, snapshot, properties, schema: this.#schema }))
        return batch.to;
      if (Date.now() >= deadline)
        throw new SinkUnavailable(
          this.name,
          `lost every race for '${this.#options.catalog.place}' for ${contentionMs} ms; gather larger batches`,
        );
      await backoff(attempt, deadline);
    }
  }

  async #load(): Promise<TableState> {
    const table = await this.#options.catalog.load();
    const [schema] = table.metadata?.schemas ?? [];
    if (schema !== undefined && !isDeepStrictEqual(schema, this.#schema))
      throw new SinkUnavailable(
        this.name,
        `has other columns than the table '${this.#options.catalog.place}'; give the \`schema\` that it was made with`,
      );
    return table;
  }

  /** Data file and manifest. They stay as they are when the commit is made anew on a later base. */
  async #stage({ partition, from, changes }: Batch): Promise<NewRows> {
    const { catalog } = this.#options;
    const since = Date.now();
    const id = randomUUID();
    const bytes = await parquetOf(changes, this.#columns);
    const name = `${encodeURIComponent(this.name)}-${partition.topicId}-${partition.partition}-${from.next}-${id}`;
    const path = await catalog.write(`data/${name}.parquet`, bytes);
    const snapshotId = randomInt(1, 2 ** 48 - 1);
    const rows = changes.length;
    const added = addedFile({ path, rows, bytes: bytes.byteLength }, snapshotId);
    const body = await manifestOf([added], this.#columns);
    const manifest = {
      manifest_path: await catalog.write(`metadata/${id}-m0.avro`, body),
      manifest_length: body.byteLength,
      partition_spec_id: 0,
      content: 0,
      added_snapshot_id: snapshotId,
      added_files_count: 1,
      existing_files_count: 0,
      deleted_files_count: 0,
      added_rows_count: rows,
      existing_rows_count: 0,
      deleted_rows_count: 0,
    };
    return { since, snapshotId, manifest };
  }

  async #snapshot({ metadata }: TableState, { snapshotId, manifest }: NewRows): Promise<Snapshot> {
    const { catalog } = this.#options;
    const parent = metadata?.snapshots.find(
      (known) => known['snapshot-id'] === metadata['current-snapshot-id'],
    );
    const sequence = (metadata?.['last-sequence-number'] ?? 0) + 1;
    const before = parent === undefined ? [] : await manifestsOf(catalog, parent);
    const known = await withManifestsMerged(before, {
      catalog,
      columns: this.#columns,
      minManifests: Math.max(2, this.#options.minManifestsToMerge ?? defaultMinManifests),
      snapshot: { id: snapshotId, sequence },
    });
    const added = { ...manifest, sequence_number: sequence, min_sequence_number: sequence };
    const body = await manifestListOf([...known, added], {
      id: snapshotId,
      parent: parent?.['snapshot-id'],
      sequence,
    });
    return {
      'snapshot-id': snapshotId,
      ...(parent !== undefined && { 'parent-snapshot-id': parent['snapshot-id'] }),
      'sequence-number': sequence,
      // Readers in Java refuse a table whose snapshots go back in time by more than a minute. Clocks differ.
      'timestamp-ms': Math.max(Date.now(), metadata?.['last-updated-ms'] ?? 0),
      'manifest-list': await catalog.write(`metadata/snap-${snapshotId}-${randomUUID()}.avro`, body),
      'schema-id': 0,
      summary: {
        operation: 'append',
        'added-data-files': '1',
        'added-records': String(manifest.added_rows_count),
      },
    };
  }

  #property({ topicId, partition }: TopicPartition): string {
    return `exactly-once.${this.name}.${topicId}.${partition}`;
  }

  #properties({ partition, to }: Batch): Record<string, string> {
    const name = this.#property(partition);
    const position = to.position;
    return {
      [`${name}.next`]: String(to.next),
      ...(position !== undefined && { [`${name}.position`]: position }),
    };
  }

  #stateOf(metadata: TableMetadata | undefined, partition: TopicPartition): SinkState {
    const name = this.#property(partition);
    const next = BigInt(metadata?.properties[`${name}.next`] ?? 0);
    const position = metadata?.properties[`${name}.position`];
    return position === undefined ? { next } : { next, position: storedPosition(position) };
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      if (cause instanceof SinkUnavailable || cause instanceof PackageMissing) throw cause;
      const { place } = this.#options.catalog;
      throw new SinkUnavailable(this.name, `cannot use table '${place}': ${errorText(cause)}`, { cause });
    }
  }
}
