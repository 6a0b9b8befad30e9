export { idempotentApi, type Api } from './idempotent-api.js';
export type { IdempotentApiOptions } from './options.js';
export type { KeyedApiOptions, KeyedRequest, WithoutKey } from './keyed-options.js';
export { apiReceiptId, type FingerprintOf, type ReceiptOf, type Scope } from './identity.js';
export { functionUrlHandler, httpApiHandler, type HttpApiHandler } from './http-api.js';
export { restApiHandler, type RestApiHandler } from './rest-api.js';
export {
  anonymousCaller,
  apiKeyCaller,
  authenticatedCaller,
  type CallerOf,
  claimCaller,
  clientCertificateCaller,
  roleSessionCaller,
} from './caller.js';
export { apiSettings, type ApiSettings } from './settings.js';
export { s3Responses, type S3ResponsesOptions } from './s3-responses.js';
export { ResponsesUnanswered } from './responses-in-time.js';
export { ResponseTooLarge, SavedResponseLost, type ResponseStore } from './saved-response.js';
export type { ApiRequest, Identity, RequestLimits } from './request.js';
export type { ApiResponse, RenderedResponse, ResponseBody } from '../http/response.js';
export type { Problem, ProblemKind } from '../http/problem.js';
export { logRequest, type RequestOutcome, type RequestSummary } from './summary.js';
