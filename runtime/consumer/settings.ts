import { InvalidSettings } from '../dedup/errors.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What the IdempotentConsumer construct knows at synth and its function needs at run time. */
export interface ConsumerSettings {
  /** Stable name of who consumes; receipts belong to it (R1). */
  readonly consumerName: string;
  /** Table of the receipts. Only the transaction way (`sqsConsumer`) needs one. */
  readonly dedupTable?: string;
  /** Life of a receipt in seconds, from the horizon (R8). Only with a dedup table. */
  readonly receiptRetentionSeconds?: number;
  /** Where rejected messages go, with the reason. */
  readonly deadLetterQueueUrl: string;
}

/**
 * Reads the settings that the IdempotentConsumer construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function consumerSettings(
  environment: Readonly<Record<string, string | undefined>>,
): ConsumerSettings {
  const problems: string[] = [];
  const read = (name: string): string => {
    const value = environment[name];
    if (!value)
      problems.push(`${name} is not set; deploy the function with IdempotentConsumer, or set it by hand`);
    return value ?? '';
  };
  // The construct gives both or, for a way that keeps no receipts, neither.
  const receipts = environment.EXACTLY_ONCE_DEDUP_TABLE !== undefined && {
    dedupTable: read('EXACTLY_ONCE_DEDUP_TABLE'),
    receiptRetentionSeconds: Number(read('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS')),
  };
  const settings = {
    consumerName: read('EXACTLY_ONCE_CONSUMER_NAME'),
    ...receipts,
    deadLetterQueueUrl: read('EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL'),
  };
  if (problems.length > 0) throw new InvalidSettings(problems);
  assertConsumerName(settings.consumerName);
  return settings;
}
