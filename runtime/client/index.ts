export {
  idempotentClient,
  type IdempotentAnswer,
  type IdempotentClient,
  type IdempotentClientOptions,
  type IdempotentRequest,
} from './idempotent-client.js';
export type { Pauses } from './retry.js';
export {
  KeyConflict,
  OutcomeUnconfirmed,
  RequestNotSent,
  RequestRefused,
  UnexpectedAnswer,
  type ProblemDetails,
} from './errors.js';
