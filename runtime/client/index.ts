import { warnOfOldNode } from '../telemetry/node-version.js';

export { idempotentClient, type IdempotentClient } from './idempotent-client.js';
export type { IdempotentAnswer, IdempotentClientOptions, IdempotentRequest } from './options.js';
export type { Pauses } from './retry.js';
export {
  KeyConflict,
  OutcomeUnconfirmed,
  RequestNotSent,
  RequestRefused,
  UnexpectedAnswer,
  type ProblemDetails,
} from './errors.js';

warnOfOldNode();
