import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import { kafkaConsumer, type KafkaConsumer } from '../../runtime/kafka/index.js';

export interface Names {
  readonly receipts: string;
  readonly effects: string;
  readonly deadLetterQueueUrl: string;
}

export const identities = ['key', 'position'] as const;
export type Identity = (typeof identities)[number];

/** An increment without a key shows every double. */
export function consumerOf(
  by: Identity,
  names: Names,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
): KafkaConsumer {
  const effects = table({ name: names.effects, partitionKey: 'name' });
  const common = {
    settings: {
      consumerName: `victim-${by}`,
      dedupTable: names.receipts,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: names.deadLetterQueueUrl,
      reportsItemFailures: true,
    },
    schema: z.object({ run: z.string(), id: z.string() }),
    handle: ({ body }: { body: { run: string; id: string } }, tx: Transaction) => {
      tx.update(effects, { name: body.run }, { add: { value: 1 } });
    },
    dynamodb,
    sqs,
    observe: () => undefined,
  };
  return by === 'key'
    ? kafkaConsumer({ ...common, key: ({ body }) => body.id })
    : kafkaConsumer({ ...common, key: 'position', topicIds: { purchases: 'Zk3x1dYVTkyMmHq6hYb0Ow' } });
}
