import type { DynamoDBClient } from '../dynamodb/new-client.js';
import type { Leases } from '../dynamodb/lease-scope.js';
import type { ConditionFailed } from '../dedup/errors.js';
import type { Transaction } from '../dynamodb/transaction.js';
import type { ApiResponse } from '../http/response.js';
import type { KeyedApiOptions, KeyedRequest } from './keyed-options.js';
import type { ResponseStore } from './saved-response.js';
import type { ApiSettings } from './settings.js';

export interface IdempotentApiOptions<Body> extends KeyedApiOptions<Body, Transaction> {
  /** What the construct knows: `apiSettings(process.env)`. */
  readonly settings: ApiSettings;
  /**
   * Fills the transaction and returns the answer. Both are committed in one step; what is in `tx` is committed
   * whatever the status, so decide before filling it. May run more than once for one request, and runs again for a
   * request that was processed before, so it must have no effect outside `tx`; one that no transaction holds goes
   * through `tx.once`, see `leases`. A throw is answered with 500, and nothing is committed or saved.
   */
  readonly handle: (request: KeyedRequest<Body>, tx: Transaction) => ApiResponse | Promise<ApiResponse>;
  /**
   * Answers when a condition that `handle` put on its writes did not hold; nothing of them was written. The answer,
   * and what is put into the new transaction, is committed under the key like any other.
   *
   * @default - 503, nothing is saved and the same key may be tried again
   */
  readonly onConditionFailed?: (
    failed: ConditionFailed,
    request: KeyedRequest<Body>,
    tx: Transaction,
  ) => ApiResponse | Promise<ApiResponse>;
  /**
   * Gives transactions `tx.once`: `leases()` of exactly-once-aws/lease. Let pass what it throws: the request is then
   * answered with 409 and Retry-After while another one makes the effect, with 503 when its outcome is unknown, with
   * 500 when it is blocked; nothing is saved, and the same request recovers. Leases are kept 30 days longer than
   * keys. Costs half a read unit per request, and the effect's.
   *
   * @default - `tx.once` throws
   */
  readonly leases?: Leases;
  /** Where responses of more than 300 KB go: `s3Responses`. @default - they are answered with 500 */
  readonly responses?: ResponseStore;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
}
