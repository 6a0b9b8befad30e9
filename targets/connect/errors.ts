import { LocalTargetError } from '../local-target-error.js';

export { DownloadFailedError, JavaMissingError, MavenMissingError } from '../maven/errors.js';

/** The worker did not come up, or its connector does not run. */
export class ConnectError extends LocalTargetError {
  override readonly name = 'ConnectError';
}
