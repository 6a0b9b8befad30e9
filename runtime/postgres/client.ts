/** What Postgres answers to one statement, as `pg` gives it. */
export interface SqlResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount?: number | null;
  /** Such as `COMMIT`; what answers a COMMIT of a transaction that had failed is `ROLLBACK`. */
  readonly command?: string;
}

/** A connection that is checked out: the part of `PoolClient` of `pg` that is used. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<SqlResult>;
  /** @param destroy the connection must not be used again */
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * A pool of connections: a `Pool` of `pg`. Stated as what is used of it, so that this package needs no types of
 * another one.
 */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  on?(event: 'connect', listener: (client: PostgresClient) => void): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: { readonly max?: number };
}
