/**
 * One statement of a transaction that is the user's: with whatever client it was begun, `text` has placeholders `$1`,
 * `$2`, ... and `values` are text, numbers or null.
 */
export interface SqlPort {
  executeSql(
    text: string,
    values: readonly unknown[],
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}

/** A connection of `pg`, as far as the relays use it. */
export interface RelayConnection {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly rowCount: number | null }>;
}

/** A `Pool` of `pg`. */
export interface RelayPool {
  connect(): Promise<RelayConnection & { release(error?: Error | boolean): void }>;
}
