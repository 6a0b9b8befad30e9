import type { PostgresLeases } from '../../lease/postgres-leases.js';
import type { ApiResponse } from '../../http/response.js';
import type { Isolation } from '../../postgres/begin.js';
import type { PostgresPool } from '../../postgres/client.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import type { KeyedApiOptions, KeyedRequest } from '../keyed-options.js';
import type { PostgresApiSettings } from '../settings.js';

export interface PostgresIdempotentApiOptions<Body> extends KeyedApiOptions<Body, PostgresTx> {
  /** `postgresApiSettings(process.env)`, or by hand. */
  readonly settings: PostgresApiSettings;
  /**
   * Connections to the database: a `Pool` of `pg`, made once per process. A request at work has one of them, and with
   * `leases` two.
   */
  readonly pool: PostgresPool;
  /** As of `postgresConsumer`. @default 'repeatable read' */
  readonly isolation?: Isolation;
  /**
   * Writes through `tx`, in an open transaction that holds the key already, and returns the answer: both are
   * committed in one step, whatever the status, so decide before writing, or throw. Does not run for a request that
   * was processed before. May run more than once for one request, so it must have no effect outside `tx`; one that no
   * transaction holds goes through `tx.once`, see `leases`. A throw is answered with 500, and nothing is committed or
   * saved.
   */
  readonly handle: (request: KeyedRequest<Body>, tx: PostgresTx) => ApiResponse | Promise<ApiResponse>;
  /**
   * Gives transactions `tx.once`: `postgresLeases()`. Let pass what it throws. Leases are kept 30 days longer than
   * keys. A lease is written on a connection of its own, so the pool needs two, and half of it serves requests.
   *
   * @default - `tx.once` throws
   */
  readonly leases?: PostgresLeases;
}
