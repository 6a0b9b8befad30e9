import { randomUUID } from 'node:crypto';
import { crashPoint } from '../dedup/crash-points.js';
import { receiptId } from '../dedup/identity.js';
import { Meter } from '../dedup/meter.js';
import { authenticatedCaller } from './caller.js';
import { Execution, type Answering, type ExecutionContext } from './execution.js';
import { readKey, type ReadKey } from './idempotency-key.js';
import { requestId } from './identity.js';
import { defaultBodyBytes, defaultTransient } from './assert-options.js';
import type { KeyedApiOptions } from './keyed-options.js';
import { problems } from '../http/problem.js';
import { readRequest } from './read-request.js';
import type { ApiRequest, RequestLimits } from './request.js';
import { render, type RenderedResponse } from '../http/response.js';
import { savedHeaderNames } from './saved-response.js';
import { asError, tryAgain, withoutKey, type Settled } from './settled.js';
import { keyHash } from '../dedup/key-hash.js';
import { tell } from '../telemetry/tell.js';
import { logRequest } from './summary.js';

/** An API, for an adapter to put behind API Gateway or a function URL. Never throws: what goes wrong is a 5xx. */
export type Api = (request: ApiRequest, limits: RequestLimits) => Promise<RenderedResponse>;

const needNoKey = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whose receipts they are, and where they are kept. */
export interface Kept<Body, Tx> extends Pick<ExecutionContext<Body, Tx>, 'store' | 'responses' | 'onceFor'> {
  readonly apiName: string;
  readonly onConditionFailed?: Answering<Body, Tx>['onConditionFailed'];
}

/**
 * The API itself, wherever its receipts are.
 *
 * @throws InvalidSettings for a header that is never to be saved.
 */
export function keyedApi<Body, Tx>(options: KeyedApiOptions<Body, Tx>, kept: Kept<Body, Tx>): Api {
  const { observe = logRequest, keyHeader = 'idempotency-key' } = options;
  const { apiName } = kept;
  const context = contextOf(options, kept);
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
    tell(observe, {
      api: apiName,
      outcome,
      status: response.status,
      keyHash: given.kind === 'key' ? keyHash(given.key) : undefined,
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

interface ApiContext<Body, Tx> extends ExecutionContext<Body, Tx> {
  readonly apiName: string;
  readonly options: KeyedApiOptions<Body, Tx> & Answering<Body, Tx>;
}

function contextOf<Body, Tx>(
  options: KeyedApiOptions<Body, Tx>,
  { onConditionFailed, ...kept }: Kept<Body, Tx>,
): ApiContext<Body, Tx> {
  return {
    ...kept,
    options: { ...options, onConditionFailed },
    problem: problems(options.documentation),
    savedHeaders: savedHeaderNames(options.savedHeaders ?? []),
    transient: new Set(options.transientStatuses ?? defaultTransient),
  };
}

async function answerRead<Body, Tx>(
  { options: { read }, problem }: ApiContext<Body, Tx>,
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

async function answerKeyed<Body, Tx>(
  shared: ApiContext<Body, Tx>,
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
  // Not only the empty text: a claim that is none, of whoever, would be one caller for all.
  if (typeof caller !== 'string' || caller === '') return refused('caller-unknown', { detail: callerWanted });
  const key = keyGiven ? given.key : randomUUID();
  const context = keyGiven ? shared : { ...shared, problem: withoutKey(shared.problem) };
  const id = requestId(caller, request, key);
  const { schema, fingerprint: select, maxBodyBytes = defaultBodyBytes } = options;
  const read = await readRequest(request, { schema, fingerprint: select, maxBodyBytes });
  const draft = { id: receiptId(shared.apiName, id), fingerprint: '' };
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

function withoutKeyOf<Body, Tx>(
  { withoutKey: choice = 'refuse' }: KeyedApiOptions<Body, Tx>,
  request: ApiRequest,
) {
  return typeof choice === 'function' ? choice(request) : choice;
}

const keyWanted = (header: string) =>
  `send an ${header} header: a new random value for a new request, the same one with every retry`;
const callerWanted = 'the route has no authorizer that names its caller; keys belong to a caller';
