import { LocalTargetError } from '../local-target-error.js';

export { DownloadFailedError, JavaMissingError, MavenMissingError } from '../maven/errors.js';

/** The worker did not come up. */
export class ConnectError extends LocalTargetError {
  override readonly name = 'ConnectError';
}
