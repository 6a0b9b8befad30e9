import { PostgresExecutionStore } from '../../postgres/execution-store.js';
import { assertOptions } from '../assert-options.js';
import { keyedApi, type Api } from '../keyed-api.js';
import { effectsOutliveSeconds } from '../leased.js';
import { assertSettings } from '../settings.js';
import type { PostgresIdempotentApiOptions } from './options.js';

/**
 * An API whose requests act exactly once per caller, method, resource and Idempotency-Key, with their effects in
 * Postgres.
 *
 * Guarantees what `idempotentApi` does: what `handle` writes through its transaction becomes durable at most once per
 * key, in one commit with the answer, and whoever asks again within the window gets that answer. A COMMIT whose
 * answer was lost is looked up on another connection. Differently from there, a request whose key is under way waits
 * for it, as long as its time allows, also where an effect of `tx.once` is made; and an answer of any size that the
 * caller can be sent is kept in the row of its receipt.
 *
 * Does not guarantee: anything about effects outside `tx` and `tx.once`; anything about a key after its window, which
 * is a new one; anything behind a standby that had not received the commit when it took over.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresIdempotentApi<Body = Uint8Array>(options: PostgresIdempotentApiOptions<Body>): Api {
  const { settings, pool, isolation, leases } = options;
  assertSettings(settings);
  assertOptions(options);
  const { apiName, windowSeconds } = settings;
  const retentionSeconds = windowSeconds + effectsOutliveSeconds;
  return keyedApi(options, {
    apiName,
    responses: undefined,
    store: new PostgresExecutionStore({ pool, windowSeconds, isolation, leases: leases !== undefined }),
    onceFor: leases?.({ pool, retentionSeconds, consumerName: apiName }),
  });
}
