import { LocalTargetError } from '../local-target-error.js';

export { DownloadFailedError, JavaMissingError, MavenMissingError } from '../maven/errors.js';

/** The broker did not come up. */
export class KafkaStartError extends LocalTargetError {
  override readonly name = 'KafkaStartError';
}

/** One of Kafka's own command-line tools failed. */
export class KafkaToolError extends LocalTargetError {
  override readonly name = 'KafkaToolError';
}

/** The client could not be compiled. */
export class KafkaClientError extends LocalTargetError {
  override readonly name = 'KafkaClientError';
}
