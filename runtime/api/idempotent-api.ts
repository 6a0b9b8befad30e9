import { newClient } from '../dynamodb/new-client.js';
import { crashPoint } from '../dedup/crash-points.js';
import { DynamoStore } from '../dynamodb/dynamo-store.js';
import { InvalidSettings } from '../dedup/errors.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import { authenticatedCaller } from './caller.js';
import { Execution } from './execution.js';
import { readKey } from './idempotency-key.js';
import { requestFingerprint, requestId } from './identity.js';
import { effectsOutliveSeconds } from './leased.js';
import type { IdempotentApiOptions } from './options.js';
import { problems } from '../http/problem.js';
import { parseJson, validate } from '../http/read-body.js';
import type { ApiRequest, RequestLimits } from './request.js';
import { render, type RenderedResponse } from '../http/response.js';
import { savedHeaderNames } from './saved-response.js';
import { assertSettings } from './settings.js';
import { tryAgain, type Settled } from './settled.js';
import { keyHash, logRequest } from './summary.js';

/** An API, for an adapter to put behind API Gateway or a function URL. Never throws: what goes wrong is a 5xx. */
export type Api = (request: ApiRequest, limits: RequestLimits) => Promise<RenderedResponse>;

const needNoKey = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * An API whose requests act exactly once per caller, method, path and Idempotency-Key.
 *
 * Guarantees: what `handle` puts into its transaction, the events it publishes included, becomes durable at most once
 * per key, in one commit with the answer. Whoever asks again within the window, also while the first request is under
 * way, gets that answer: status, allow-listed headers and body, marked `Idempotent-Replayed: true`. A key of one
 * caller is never looked up for another. The contract as a table is in docs/api.md.
 *
 * Does not guarantee: anything about effects that `handle` makes outside the transaction and `tx.once` (what that
 * guarantees says `Once`); anything about a key after its window, which is a new one.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function idempotentApi<Body = Uint8Array>(options: IdempotentApiOptions<Body>): Api {
  const { settings, schema, read, caller: callerOf = authenticatedCaller, observe = logRequest } = options;
  assertSettings(settings);
  if (options.documentation !== undefined && !URL.canParse(options.documentation))
    throw new InvalidSettings([`documentation must be an absolute URL, got '${options.documentation}'`]);
  const problem = problems(options.documentation);
  const { apiName, dedupTable: tableName, windowSeconds } = settings;
  const client = options.dynamodb ?? newClient();
  const store = new DynamoStore({ client, tableName, retentionSeconds: windowSeconds });
  const retentionSeconds = windowSeconds + effectsOutliveSeconds;
  const onceFor = options.leases?.({ client, tableName, retentionSeconds, consumerName: apiName });
  const { responses } = options;
  // Asked for and not made by itself: an API without big answers must not carry the S3 client in its bundle.
  if (settings.responseBucket !== undefined && responses === undefined)
    throw new InvalidSettings([
      `bucket '${settings.responseBucket}' is there for big answers and nobody uses it: give ` +
        'responses: s3Responses({ bucket: settings.responseBucket }), or take `bigResponses` off the construct',
    ]);
  const savedHeaders = savedHeaderNames(options.savedHeaders ?? []);
  const context = { options, store, responses, problem, savedHeaders, onceFor };

  const answerRead = async (request: ApiRequest): Promise<Settled> => {
    if (read === undefined) {
      const parts = { detail: `${request.method} is not served here`, headers: { allow: 'POST' } };
      return { outcome: 'refused', response: problem('method-not-allowed', parts) };
    }
    try {
      return { outcome: 'read', response: render(await read(request)) };
    } catch (error) {
      return { outcome: 'failed', response: problem('handler-failed', { detail: tryAgain }), error };
    }
  };

  const answerKeyed = async (request: ApiRequest, limits: RequestLimits, meter: Meter): Promise<Settled> => {
    const refused = (...parts: Parameters<typeof problem>): Settled => ({
      outcome: 'refused',
      response: problem(...parts),
      error: parts[1].detail,
    });
    await crashPoint('batch-received');
    const given = readKey(request.headers['idempotency-key']);
    if (given.kind === 'missing') return refused('key-missing', { detail: keyWanted });
    if (given.kind === 'malformed') return refused('key-malformed', { detail: given.problem });
    const caller = callerOf(request.identity);
    if (caller === undefined) return refused('caller-unknown', { detail: callerWanted });
    const json = isJson(request, schema !== undefined) ? parseJson(request.body) : undefined;
    let body: unknown = request.body;
    if (schema !== undefined) {
      const validated = await validate(json, schema);
      if ('detail' in validated) return refused('body-invalid', validated);
      body = validated.body;
    }
    // Without a schema the body is the raw bytes, which is what `Body` then is.
    const id = requestId(caller, request, given.key);
    const keyed = { ...request, id, key: given.key, caller, body: body as Body };
    const draft = {
      id: receiptId(apiName, id),
      fingerprint: requestFingerprint(request, json),
    };
    return new Execution(context, keyed, draft, meter).settle(limits);
  };

  return async (request, limits) => {
    const meter = new Meter();
    const settled = needNoKey.has(request.method)
      ? await answerRead(request)
      : await answerKeyed(request, limits, meter).catch((error: unknown): Settled => ({
          outcome: 'failed',
          response: problem('handler-failed', { detail: tryAgain }),
          error,
        }));
    const { outcome, response, error } = settled;
    const { writeUnits, readUnits, calls, conflicts } = meter;
    const key = readKey(request.headers['idempotency-key']);
    observe({
      api: apiName,
      outcome,
      status: response.status,
      keyHash: key.kind === 'key' ? keyHash(key.key) : undefined,
      error,
      writeUnits,
      readUnits,
      calls,
      conflicts,
    });
    await crashPoint('before-answer');
    return response;
  };
}

const keyWanted =
  'send an Idempotency-Key header: a new random value for a new request, the same one with every retry';
const callerWanted = 'the route has no authorizer that names its caller; keys belong to a caller';

/** With a schema the body is JSON whatever it is called; without one, if it says so. */
function isJson({ headers }: ApiRequest, wanted: boolean): boolean {
  return wanted || /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '');
}
