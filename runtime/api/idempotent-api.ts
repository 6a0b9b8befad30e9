import { DynamoExecutionStore } from '../dynamodb/execution-store.js';
import { newClient } from '../dynamodb/new-client.js';
import { assertOptions } from './assert-options.js';
import { keyedApi, type Api } from './keyed-api.js';
import { effectsOutliveSeconds } from './leased.js';
import type { IdempotentApiOptions } from './options.js';
import { assertSettings } from './settings.js';

export type { Api } from './keyed-api.js';

/**
 * An API whose requests act exactly once per caller, method, resource and Idempotency-Key.
 *
 * Guarantees: what `handle` puts into its transaction, the events it publishes included, becomes durable at most once
 * per key, in one commit with the answer. Whoever asks again within the window, also while the first request is under
 * way, gets that answer: status, allow-listed headers and body, marked `Idempotent-Replayed: true`. The saved answer
 * comes before every check of the request but that of its key and caller. A key of one caller is never looked up for
 * another. The contract as a table is in docs/api.md.
 *
 * Does not guarantee: anything about effects that `handle` makes outside the transaction and `tx.once` (what that
 * guarantees says `Once`); anything about a key after its window, which is a new one.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function idempotentApi<Body = Uint8Array>(options: IdempotentApiOptions<Body>): Api {
  const { settings, responses, onConditionFailed } = options;
  assertSettings(settings);
  assertOptions(options, bucketProblems(options));
  const { apiName, dedupTable: tableName, windowSeconds } = settings;
  const client = options.dynamodb ?? newClient();
  const retentionSeconds = windowSeconds + effectsOutliveSeconds;
  return keyedApi(options, {
    apiName,
    responses,
    onConditionFailed,
    store: new DynamoExecutionStore({ client, tableName, retentionSeconds: windowSeconds }),
    onceFor: options.leases?.({ client, tableName, retentionSeconds, consumerName: apiName }),
  });
}

/** Asked for and not made by itself: an API without big answers must not carry the S3 client in its bundle. */
function bucketProblems<Body>({ settings, responses }: IdempotentApiOptions<Body>): string[] {
  if (settings.responseBucket === undefined || responses !== undefined) return [];
  return [
    `bucket '${settings.responseBucket}' is there for big answers and nobody uses it: give ` +
      'responses: s3Responses({ bucket: settings.responseBucket }), or take `bigResponses` off the construct',
  ];
}
