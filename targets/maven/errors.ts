import { LocalTargetError } from '../local-target-error.js';

/** No Java that a local target can run on was found on the PATH. */
export class JavaMissingError extends LocalTargetError {
  override readonly name = 'JavaMissingError';
}

/** No Maven was found on the PATH. */
export class MavenMissingError extends LocalTargetError {
  override readonly name = 'MavenMissingError';
}

/** Maven could not fetch what a pom names. */
export class DownloadFailedError extends LocalTargetError {
  override readonly name = 'DownloadFailedError';
}
