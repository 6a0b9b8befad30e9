import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsConsumer,
  type BatchSummary,
  type SqsConsumerOptions,
} from '../../../runtime/sqs/index.js';
import { dynamo, newTable, row } from '../../fixtures/dynamo.js';
import { drain, sqs } from '../../fixtures/queue.js';
import { newQueue } from '../../outbox/outbox-world.js';

export const client = dynamo();
export const queue = sqs();

export const Order = z.object({ id: z.string(), cents: z.int() });
type Options = SqsConsumerOptions<typeof Order>;

/** What a consumer has seen and done. */
export interface DecodingWorld {
  /** Delivers one batch. Returns the indices of those that come again. */
  readonly run: (...records: SQSRecord[]) => Promise<number[]>;
  /** How often something acted, in one counter without a key: whatever acts twice shows. */
  readonly acted: () => Promise<unknown>;
  readonly letters: () => Promise<{ body: string | undefined; reason: string }[]>;
  readonly summaries: BatchSummary[];
  /** Attributes of each message that was handled. */
  readonly attributes: Readonly<Record<string, string>>[];
}

/** A consumer of orders in some coat. */
export async function decodingWorld(
  decode: Options['decode'],
  overrides: Partial<Options> = {},
  remainingMs = 30_000,
): Promise<DecodingWorld> {
  const [receipts, counters, deadLetterQueueUrl] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    newQueue(queue, false),
  ]);
  const [summaries, attributes]: [BatchSummary[], DecodingWorld['attributes']] = [[], []];
  const handler = sqsConsumer({
    settings: {
      consumerName: `orders-${randomUUID()}`,
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
    },
    schema: Order,
    decode,
    key: ({ body }) => body.id,
    handle: (message, tx) => {
      attributes.push(message.attributes);
      tx.update(counters, { name: 'all' }, { add: { acted: 1 } });
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
    ...overrides,
  });
  return {
    summaries,
    attributes,
    async run(...records) {
      const { batchItemFailures } = await handler(
        { Records: records },
        { getRemainingTimeInMillis: () => remainingMs },
      );
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      return records.flatMap(({ messageId }, i) => (failed.has(messageId) ? [i] : []));
    },
    acted: async () => (await row(client, counters, { name: 'all' }))?.acted,
    async letters() {
      const all = await drain(queue, deadLetterQueueUrl);
      return all.map(({ Body: body, MessageAttributes }) => ({
        body,
        reason: (
          JSON.parse(MessageAttributes?.[deadLetterAttribute]?.StringValue ?? '{}') as { reason: string }
        ).reason,
      }));
    },
  };
}
