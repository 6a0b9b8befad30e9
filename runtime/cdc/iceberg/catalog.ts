/** What a commit needs to know of a table. */
export interface TableState {
  /** Of the file catalogue: N of `vN.metadata.json`. 0: there is no table yet. */
  readonly version: number;
  readonly metadata: TableMetadata | undefined;
}

export interface Snapshot {
  readonly 'snapshot-id': number;
  readonly 'parent-snapshot-id'?: number;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly 'schema-id': number;
  readonly summary: Readonly<Record<string, string>>;
}

/** @see https://iceberg.apache.org/spec/#table-metadata-fields */
export interface TableMetadata {
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'current-snapshot-id'?: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly snapshots: readonly Snapshot[];
  readonly schemas: readonly object[];
  readonly [other: string]: unknown;
}

/** One atomic step: it requires that nobody has committed since `base`, adds a snapshot, and sets properties. */
export interface TableCommit {
  readonly base: TableState;
  /** @default - none: only the properties change */
  readonly snapshot?: Snapshot;
  readonly properties: Readonly<Record<string, string>>;
  /** Of a table that is made with this commit. */
  readonly schema: object;
}

/**
 * Where a table is found and changed. A REST catalogue answers `commit` by `assert-ref-snapshot-id`, `add-snapshot`
 * and `set-properties`; since a commit of properties alone leaves the snapshot, it must also refuse a stale base.
 */
export interface IcebergCatalog {
  /** For errors. */
  readonly place: string;
  load(): Promise<TableState>;
  /** @returns false when somebody else has committed since `base`, or our own answer was lost: load again. */
  commit(commit: TableCommit): Promise<boolean>;
  /** Writes a new file below the table. @returns its path, as the table refers to it. */
  write(name: string, body: Uint8Array): Promise<string>;
  /** A file below the table, by the path by which the table refers to it. */
  read(path: string): Promise<Uint8Array>;
}
