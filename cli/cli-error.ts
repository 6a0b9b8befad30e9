import { ExactlyOnceError } from '../runtime/dedup/errors.js';

/**
 * The command cannot run, or cannot go on. The message is one sentence that says what to change; the exit code is 2.
 */
export class CliError extends ExactlyOnceError {
  override name = 'CliError';
}
