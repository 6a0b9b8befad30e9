import { randomUUID } from 'node:crypto';
import { newClient } from '../dynamodb/new-client.js';
import { crashPoint } from '../dedup/crash-points.js';
import { DynamoStore } from '../dynamodb/dynamo-store.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import { authenticatedCaller } from './caller.js';
import { Execution, type ExecutionContext } from './execution.js';
import { readKey, type ReadKey } from './idempotency-key.js';
import { requestId } from './identity.js';
import { effectsOutliveSeconds } from './leased.js';
import { assertOptions, defaultBodyBytes, defaultTransient } from './assert-options.js';
import type { IdempotentApiOptions } from './options.js';
import { problems } from '../http/problem.js';
import { readRequest } from './read-request.js';
import type { ApiRequest, RequestLimits } from './request.js';
import { render, type RenderedResponse } from '../http/response.js';
import { savedHeaderNames } from './saved-response.js';
import { asError, tryAgain, withoutKey, type Settled } from './settled.js';
import { keyHash } from '../dedup/key-hash.js';
import { logRequest } from './summary.js';

/** An API, for an adapter to put behind API Gateway or a function URL. Never throws: what goes wrong is a 5xx. */
export type Api = (request: ApiRequest, limits: RequestLimits) => Promise<RenderedResponse>;

const needNoKey = new Set(['GET', 'HEAD', 'OPTIONS']);

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
  assertOptions(options);
  const { settings, observe = logRequest, keyHeader = 'idempotency-key' } = options;
  const context = contextOf(options);
  const { problem } = context;

  return async (request, limits) => {
    const meter = new Meter();
    const given = readKey(request.headers[keyHeader.toLowerCase()]);
    const answer = needNoKey.has(request.method)
      ? answerRead(context, request, limits)
      : answerKeyed(context, request, given, limits, meter);
    const { outcome, response, error } = await answer.catch((error: unknown): Settled => ({
      outcome: 'failed',
      response: problem('handler-failed', { detail: tryAgain }),
      error: asError(error),
    }));
    const { writeUnits, readUnits, calls, conflicts } = meter;
    try {
      observe({
        api: settings.apiName,
        outcome,
        status: response.status,
        keyHash: given.kind === 'key' ? keyHash(given.key) : undefined,
        error,
        writeUnits,
        readUnits,
        calls,
        conflicts,
      });
    } catch {
      // Who looks on changes nothing: the request is settled.
    }
    await crashPoint('before-answer');
    return response;
  };
}

interface ApiContext<Body> extends ExecutionContext<Body> {
  readonly options: IdempotentApiOptions<Body>;
}

function contextOf<Body>(options: IdempotentApiOptions<Body>): ApiContext<Body> {
  const { apiName, dedupTable: tableName, windowSeconds } = options.settings;
  const client = options.dynamodb ?? newClient();
  const retentionSeconds = windowSeconds + effectsOutliveSeconds;
  return {
    options,
    store: new DynamoStore({ client, tableName, retentionSeconds: windowSeconds }),
    responses: options.responses,
    problem: problems(options.documentation),
    savedHeaders: savedHeaderNames(options.savedHeaders ?? []),
    transient: new Set(options.transientStatuses ?? defaultTransient),
    onceFor: options.leases?.({ client, tableName, retentionSeconds, consumerName: apiName }),
  };
}

async function answerRead<Body>(
  { options: { read }, problem }: ApiContext<Body>,
  request: ApiRequest,
  { assertCarried }: RequestLimits,
): Promise<Settled> {
  if (read === undefined) {
    const headers = { allow: 'POST, PUT, PATCH, DELETE' };
    const detail = `${request.method} is not served here`;
    return { outcome: 'refused', response: problem('method-not-allowed', { detail, headers }) };
  }
  const response = render(await read(request));
  assertCarried?.(response);
  return { outcome: 'read', response };
}

async function answerKeyed<Body>(
  shared: ApiContext<Body>,
  request: ApiRequest,
  given: ReadKey,
  limits: RequestLimits,
  meter: Meter,
): Promise<Settled> {
  const { options } = shared;
  const refused = (...[kind, parts]: Parameters<typeof shared.problem>): Settled => ({
    outcome: 'refused',
    response: shared.problem(kind, parts),
    error: kind,
  });
  await crashPoint('batch-received');
  if (given.kind === 'malformed') return refused('key-malformed', { detail: given.problem });
  const keyGiven = given.kind === 'key';
  if (!keyGiven && withoutKeyOf(options, request) !== 'run')
    return refused('key-missing', { detail: keyWanted(options.keyHeader ?? 'Idempotency-Key') });
  const caller = (options.caller ?? authenticatedCaller)(request.identity);
  if (caller === undefined || caller === '') return refused('caller-unknown', { detail: callerWanted });
  const key = keyGiven ? given.key : randomUUID();
  const context = keyGiven ? shared : { ...shared, problem: withoutKey(shared.problem) };
  const id = requestId(caller, request, key);
  const { schema, fingerprint: select, maxBodyBytes = defaultBodyBytes } = options;
  const read = await readRequest(request, { schema, fingerprint: select, maxBodyBytes });
  const draft = { id: receiptId(options.settings.apiName, id), fingerprint: '' };
  if ('refusal' in read) return new Execution(context, draft, limits, meter).refuse(read);
  const { body, fingerprint } = read;
  return new Execution(context, { ...draft, fingerprint }, limits, meter).settle({
    ...request,
    headers: headersOfContent(request.headers),
    id,
    key,
    keyGiven,
    caller,
    body,
  });
}

/** The handler gets the content, which has no encoding any more. */
function headersOfContent(headers: ApiRequest['headers']): ApiRequest['headers'] {
  if (headers['content-encoding'] === undefined) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-encoding'));
}

function withoutKeyOf<Body>(
  { withoutKey: choice = 'refuse' }: IdempotentApiOptions<Body>,
  request: ApiRequest,
) {
  return typeof choice === 'function' ? choice(request) : choice;
}

const keyWanted = (header: string) =>
  `send an ${header} header: a new random value for a new request, the same one with every retry`;
const callerWanted = 'the route has no authorizer that names its caller; keys belong to a caller';
