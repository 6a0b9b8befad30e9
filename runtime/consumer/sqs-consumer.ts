import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { DynamoStore } from '../dedup/dynamo-store.js';
import { assertConsumerName } from '../dedup/identity.js';
import type { Transaction } from '../dedup/transaction.js';
import type { Recognition } from './arrival.js';
import { runBatch } from './batch.js';
import type { Message } from './message.js';
import { Pace } from './pace.js';
import type { ConsumerSettings } from './settings.js';
import { logSummary, type BatchSummary } from './summary.js';

export interface SqsConsumerOptions<Schema extends StandardSchemaV1> extends Recognition<Schema> {
  /** What the construct knows: `consumerSettings(process.env)`. */
  readonly settings: ConsumerSettings;
  /** Validates the body (zod, valibot, arktype, ...: https://standardschema.dev). A body it refuses goes to the dead-letter queue. */
  readonly schema: Schema;
  /**
   * Makes the message's identity from what the producer wrote: body, attributes, group. SQS's own ids are not offered, because
   * a redrive changes them.
   */
  readonly key: Recognition<Schema>['key'];
  /**
   * Selects what two copies of a message must agree on.
   *
   * @default - the whole body as it was sent
   */
  readonly fingerprint?: Recognition<Schema>['fingerprint'];
  /**
   * Fills the transaction. May run more than once for one message, so it must have no effect outside `tx`. What it returns is
   * kept in the receipt. A throw means "try again"; {@link RejectMessage} means "never".
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>, tx: Transaction) => unknown;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** For the dead-letter queue. @default - made when the first message is rejected */
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
}

/** A Lambda handler for an SQS event source with `ReportBatchItemFailures`. */
export type SqsConsumer = (
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<SQSBatchResponse>;

/**
 * A Lambda handler whose messages act exactly once on DynamoDB.
 *
 * Guarantees: the writes that `handle` puts into its transaction become durable at most once per key, and a message is
 * acknowledged only when its receipt is durable or it is in the dead-letter queue with the reason. Messages of one FIFO group act
 * in order: one that must come again holds back all later ones of its group. Groups run side by side.
 *
 * Does not guarantee: anything about effects that `handle` makes outside the transaction; a single message's wait.
 *
 * The event source must report batch item failures (the IdempotentConsumer construct sets it up).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsConsumer<Schema extends StandardSchemaV1>(
  options: SqsConsumerOptions<Schema>,
): SqsConsumer {
  const { settings, dynamodb = new DynamoDBClient({}), observe = logSummary } = options;
  assertConsumerName(settings.consumerName);
  const store = new DynamoStore({
    client: dynamodb,
    tableName: settings.dedupTable,
    retentionSeconds: settings.receiptRetentionSeconds,
  });
  const pace = new Pace();
  let sqs = options.sqs;
  const deadLetterClient = async (): Promise<SQSClient> => {
    if (sqs === undefined) {
      const { SQSClient } = await import('@aws-sdk/client-sqs');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    }
    return sqs;
  };
  return async (event, context) => {
    const { failed, summary } = await runBatch(event.Records, {
      ...options,
      store,
      pace,
      deadLetterClient,
      remainingMs: () => context.getRemainingTimeInMillis(),
    });
    observe(summary);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
