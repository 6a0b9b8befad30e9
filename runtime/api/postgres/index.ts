/**
 * APIs with Idempotency-Keys whose receipts and effects are in Postgres. The tables are those of
 * exactly-once-aws/postgres; the package `pg` is yours to bring.
 */
export { postgresIdempotentApi } from './idempotent-api.js';
export type { PostgresIdempotentApiOptions } from './options.js';
export { postgresApiSettings, type PostgresApiSettings } from '../settings.js';
export type { Api } from '../keyed-api.js';
export type { KeyedApiOptions, KeyedRequest, WithoutKey } from '../keyed-options.js';
export { apiReceiptId, type FingerprintOf, type ReceiptOf, type Scope } from '../identity.js';
export { functionUrlHandler, httpApiHandler, type HttpApiHandler } from '../http-api.js';
export { restApiHandler, type RestApiHandler } from '../rest-api.js';
export {
  anonymousCaller,
  apiKeyCaller,
  authenticatedCaller,
  type CallerOf,
  claimCaller,
  clientCertificateCaller,
  roleSessionCaller,
} from '../caller.js';
export { ResponseTooLarge, SavedResponseLost } from '../saved-response.js';
export type { ApiRequest, Identity, RequestLimits } from '../request.js';
export type { ApiResponse, RenderedResponse, ResponseBody } from '../../http/response.js';
export type { Problem, ProblemKind } from '../../http/problem.js';
export { logRequest, type RequestOutcome, type RequestSummary } from '../summary.js';
export { postgresLeases, type PostgresLeases } from '../../lease/postgres-leases.js';
export type { Isolation } from '../../postgres/begin.js';
export type { PostgresPool } from '../../postgres/client.js';
export type { PostgresTx } from '../../postgres/transaction.js';
