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
  connect(): Promise<PooledClient>;
}

export interface PooledClient extends SqlClient {
  release(error?: Error | boolean): void;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  off?(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Works on a connection of the pool, which is not used again when something failed on it. One that ends between two
 * statements, as when the server gives up a session that was frozen, says so by an event of `pg`: that ends the
 * process if nobody listens. The next statement fails all the same.
 */
export async function connected<T>(pool: SqlPool, use: (client: SqlClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  const onError = () => void (broken = true);
  client.on?.('error', onError);
  try {
    return await use(client);
  } catch (error) {
    broken = true;
    throw error;
  } finally {
    // `pg` emits a last error when it closes a connection that broke: the listener stays on that.
    if (!broken) client.off?.('error', onError);
    client.release(broken);
  }
}

/** A name as SQL quotes it: `orders`, or `shop.orders` with its schema. */
export function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
