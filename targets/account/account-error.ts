import { LocalTargetError } from '../local-target-error.js';

/** Something is missing before the CDK CLI can start: the message is one sentence that says what to do. */
export class AccountError extends LocalTargetError {
  override readonly name = 'AccountError';
}
