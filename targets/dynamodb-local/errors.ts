import { LocalTargetError } from '../local-target-error.js';

export { DownloadFailedError, JavaMissingError, MavenMissingError } from '../maven/errors.js';

/** DynamoDB Local was asked for without the user's word that its licence is fine with them. */
export class NotOptedInError extends LocalTargetError {
  override readonly name = 'NotOptedInError';
}

/** DynamoDB Local never answered. */
export class DynamoDbLocalStartError extends LocalTargetError {
  override readonly name = 'DynamoDbLocalStartError';
}
