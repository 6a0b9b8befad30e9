import { Annotations, Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ChannelKind, MessageChannel, PostgresConsumer } from '../lib/index.js';
import { entry } from './entry.js';

export interface LedgerPathProps {
  /**
   * Connection string without a password. Its tables are there: those of `postgres migrate`, and `ledger`
   * (docs/deploy.md).
   */
  readonly url: string;
  readonly polling: boolean;
}

/** What the relay is to feed, and where everything is. */
export interface LedgerPath {
  readonly channel: MessageChannel;
  readonly outputs: Record<string, string>;
}

/** Settled payments -> Standard channel -> a row each in Postgres, in one transaction with the receipt there. */
export function ledgerPath(scope: Construct, { url, polling }: LedgerPathProps): LedgerPath {
  const channel = new MessageChannel(scope, 'Ledger', {
    kind: ChannelKind.STANDARD,
    consumerTimeout: Duration.seconds(5),
  });
  const posting = new PostgresConsumer(scope, 'Posting', {
    consumerName: 'ledger',
    channel,
    entry: entry('consumer/ledger.ts'),
    maxConcurrency: 5,
    connectionsPerInstance: 5,
    enabled: polling,
    environment: { LEDGER_URL: url },
  });
  Annotations.of(posting.consumer).acknowledgeWarning(
    'exactly-once-aws:unproven',
    'Whoever names the database migrates it, and gives it to no other consumer of this name.',
  );
  return {
    channel,
    outputs: {
      LedgerQueueUrl: channel.queue.queueUrl,
      LedgerDeadLetterQueueUrl: channel.deadLetterQueue.queueUrl,
      LedgerFunctionName: posting.function.functionName,
    },
  };
}
