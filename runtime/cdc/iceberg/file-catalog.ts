import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { LazyS3 } from '../s3-client.js';
import type { IcebergCatalog, TableCommit, TableMetadata, TableState } from './catalog.js';

export interface IcebergFileCatalogOptions {
  readonly bucket: string;
  /** Of the table, such as `lake/payments/`. */
  readonly prefix: string;
  /** Snapshots that the metadata keep: how far back a reader may travel. Rows are kept all the same. @default 100 */
  readonly keepSnapshots?: number;
  /** @default - a client of the process's own region */
  readonly client?: S3Client;
}

/**
 * A table whose catalogue is its bucket: `metadata/vN.metadata.json` is put only if there is none, which makes a
 * commit a compare-and-set. `version-hint.text` says where to begin to look and may be behind, or missing. Only sinks
 * of this library may commit to the table: a writer that puts without the condition loses commits. Metadata are never
 * deleted, also of versions long past: a writer that was frozen would find the next name free, and fork the table.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function icebergFileCatalog(options: IcebergFileCatalogOptions): IcebergCatalog {
  return new FileCatalog(options);
}

class FileCatalog implements IcebergCatalog {
  readonly place: string;
  readonly #options: IcebergFileCatalogOptions;
  readonly #s3: LazyS3;
  /** The highest version that was met. */
  #met = 0;

  constructor(options: IcebergFileCatalogOptions) {
    this.#options = options;
    this.place = `s3://${options.bucket}/${options.prefix.replace(/\/$/, '')}`;
    this.#s3 = new LazyS3(options.client);
  }

  async load(): Promise<TableState> {
    let version = this.#met === 0 ? Number((await this.#text('metadata/version-hint.text')) ?? 0) : this.#met;
    let text = Number.isSafeInteger(version) ? await this.#text(metadataName(version)) : undefined;
    if (text === undefined) {
      version = await this.#lastListed();
      text = version === 0 ? undefined : await this.#text(metadataName(version));
    }
    for (let next = text; next !== undefined; version += 1) {
      text = next;
      next = await this.#text(metadataName(version + 1));
      if (next === undefined) break;
    }
    this.#met = text === undefined ? 0 : version;
    if (text === undefined) return { version: 0, metadata: undefined };
    const metadata = JSON.parse(text) as TableMetadata;
    const id = metadata['current-snapshot-id'] ?? 0;
    if (!Number.isSafeInteger(id))
      throw new Error('the table was committed to by another engine: its snapshot id has over 53 bits');
    return { version, metadata };
  }

  async commit(commit: TableCommit): Promise<boolean> {
    const version = commit.base.version + 1;
    const body = Buffer.from(JSON.stringify(this.#next(commit)));
    const isOurs = await this.#put(metadataName(version), body);
    if (isOurs) await this.#hint(version);
    return isOurs;
  }

  async write(name: string, body: Uint8Array): Promise<string> {
    // A name holds a random id: one that exists is our own, whose answer was lost.
    await this.#put(name, body);
    return `${this.place}/${name}`;
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = await this.#bytes(path.slice(this.place.length + 1));
    if (bytes === undefined) throw new Error(`there is no file '${path}'`);
    return bytes;
  }

  #next({ base, snapshot, properties, schema }: TableCommit): TableMetadata {
    const { keepSnapshots = 100 } = this.#options;
    const before = base.metadata ?? newTable(this.place, schema);
    // It never goes back, whosever clock it was.
    const now = Math.max(Date.now(), before['last-updated-ms'], snapshot?.['timestamp-ms'] ?? 0);
    const all = { ...before, 'last-updated-ms': now, properties: { ...before.properties, ...properties } };
    if (snapshot === undefined) return all;
    const id = snapshot['snapshot-id'];
    const snapshots = [...before.snapshots, snapshot].slice(-keepSnapshots);
    return {
      ...all,
      snapshots,
      'last-sequence-number': snapshot['sequence-number'],
      'current-snapshot-id': id,
      'snapshot-log': snapshots.map((kept) => ({
        'snapshot-id': kept['snapshot-id'],
        'timestamp-ms': kept['timestamp-ms'],
      })),
      refs: { main: { 'snapshot-id': id, type: 'branch' } },
    };
  }

  #key(name: string): string {
    return `${this.#options.prefix.replace(/\/$/, '')}/${name}`;
  }

  #put(name: string, body: Uint8Array): Promise<boolean> {
    const { bucket } = this.#options;
    return this.#s3.putNew({ bucket, name: this.#key(name), body, contentType: 'application/octet-stream' });
  }

  /** A hint that is not written costs the next reader a few questions, and no commit. */
  async #hint(version: number): Promise<void> {
    const { client, sdk } = await this.#s3.load();
    const Key = this.#key('metadata/version-hint.text');
    await client
      .send(new sdk.PutObjectCommand({ Bucket: this.#options.bucket, Key, Body: String(version) }))
      .catch(() => undefined);
  }

  /** The highest version there is, where nothing says where to begin. */
  async #lastListed(): Promise<number> {
    const { client, sdk } = await this.#s3.load();
    const listed = { Bucket: this.#options.bucket, Prefix: this.#key('metadata/v') };
    let last = 0;
    // The SDK's paginator takes instances of its client only: one that is wrapped works with a sink.
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new sdk.ListObjectsV2Command({ ...listed, ContinuationToken }));
      for (const { Key = '' } of page.Contents ?? [])
        last = Math.max(last, Number(/\/v(\d+)\.metadata\.json$/.exec(Key)?.[1] ?? 0));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return last;
  }

  async #text(name: string): Promise<string | undefined> {
    const bytes = await this.#bytes(name);
    return bytes && Buffer.from(bytes).toString();
  }

  async #bytes(name: string): Promise<Uint8Array | undefined> {
    const { client, sdk } = await this.#s3.load();
    try {
      const command = new sdk.GetObjectCommand({ Bucket: this.#options.bucket, Key: this.#key(name) });
      const { Body } = await client.send(command);
      return await Body?.transformToByteArray();
    } catch (error) {
      if (error instanceof sdk.NoSuchKey) return undefined;
      throw error;
    }
  }
}

function metadataName(version: number): string {
  return `metadata/v${version}.metadata.json`;
}

function newTable(location: string, schema: object): TableMetadata {
  const { fields } = schema as { readonly fields: readonly object[] };
  return {
    'format-version': 2,
    'table-uuid': randomUUID(),
    location,
    'last-sequence-number': 0,
    'last-updated-ms': Date.now(),
    'last-column-id': fields.length,
    'current-schema-id': 0,
    schemas: [schema],
    'default-spec-id': 0,
    'partition-specs': [{ 'spec-id': 0, fields: [] }],
    'last-partition-id': 999,
    'default-sort-order-id': 0,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    properties: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  };
}
