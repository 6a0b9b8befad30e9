import { LocalTargetError } from '../local-target-error.js';

/** DynamoDB Local was asked for without the user's word that its licence is fine with them. */
export class NotOptedInError extends LocalTargetError {
  override readonly name = 'NotOptedInError';
}

/** No Java that DynamoDB Local can run on was found on the PATH. */
export class JavaMissingError extends LocalTargetError {
  override readonly name = 'JavaMissingError';
}

/** No Maven was found on the PATH. */
export class MavenMissingError extends LocalTargetError {
  override readonly name = 'MavenMissingError';
}

/** Maven could not fetch DynamoDB Local. */
export class DownloadFailedError extends LocalTargetError {
  override readonly name = 'DownloadFailedError';
}

/** DynamoDB Local never answered. */
export class DynamoDbLocalStartError extends LocalTargetError {
  override readonly name = 'DynamoDbLocalStartError';
}
