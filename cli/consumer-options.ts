import type { Command } from 'commander';
import { durationSeconds } from './duration.js';

/** Which consumer a command is about, as the command line says it. */
export interface ConsumerOptions {
  readonly function?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly consumer?: string;
  readonly dedupTable?: string;
  readonly queue?: string;
  readonly deadLetterQueue?: string;
  /** Seconds. */
  readonly receiptRetention?: number;
  readonly json: boolean;
}

/** Adds the options that every command about a consumer takes. */
export function addConsumerOptions(command: Command): Command {
  return command
    .option('--function <name>', 'the deployed Lambda function: all of the below is read from it')
    .option('--consumer <name>', 'consumerName of the IdempotentConsumer')
    .option('--dedup-table <name>', 'table of the receipts')
    .option('--queue <queue>', 'queue that the consumer reads: URL, ARN or name')
    .option(
      '--dead-letter-queue <queue>',
      'its dead-letter queue: URL, ARN or name (default: the redrive policy of --queue)',
    )
    .option(
      '--receipt-retention <duration>',
      'how long receipts are kept, such as 86d: see GUARANTEES.md of the stack',
      durationSeconds,
    )
    .option('--region <region>', 'AWS Region (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .option('--json', 'print one JSON object instead of tables', false);
}
