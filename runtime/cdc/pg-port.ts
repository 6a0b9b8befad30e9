/** What a sink needs of a connection to Postgres: `pg`'s clients have it, and so do those of PGlite and others. */
export interface SqlClient {
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{
    readonly rows: readonly Readonly<Record<string, unknown>>[];
    readonly rowCount?: number | null;
  }>;
}

/** A connection of one's own. `pg.Pool` is one such. */
export interface SqlPool {
  connect(): Promise<SqlClient & { release(error?: Error | boolean): void }>;
}

/** A name as SQL quotes it: `orders`, or `shop.orders` with its schema. */
export function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** SQLSTATE of an error of Postgres, whatever client has made it. */
export function sqlStateOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}
