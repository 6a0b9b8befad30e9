import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';

export const ways = ['transaction', 'insert', 'aggregate'] as const;
export type WayName = (typeof ways)[number];

export interface Names {
  readonly receipts: string;
  readonly effects: string;
  readonly deadLetterQueueUrl: string;
}

export const Event = z.object({ run: z.string(), id: z.string(), version: z.string() });

/** One consumer per way. What acts twice shows: an increment without a key, or a row that says who made it. */
export function consumerOf(
  way: WayName,
  names: Names,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
): SqsConsumer {
  const effects = table({ name: names.effects, partitionKey: 'name' });
  const common = {
    settings: {
      consumerName: 'victim',
      dedupTable: names.receipts,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: names.deadLetterQueueUrl,
    },
    schema: Event,
    dynamodb,
    sqs,
    observe: () => undefined,
  };
  switch (way) {
    case 'transaction':
      return sqsConsumer({
        ...common,
        key: ({ body }) => body.id,
        handle: ({ body }, tx) => {
          tx.update(effects, { name: body.run }, { add: { value: 1 } });
        },
      });
    case 'insert':
      // A row of its own per message is keyed and shows no double; that is what this way is.
      return sqsInsertConsumer({
        ...common,
        table: effects,
        row: ({ body }) => ({ name: body.id, run: body.run }),
      });
    case 'aggregate':
      return sqsAggregateConsumer<typeof Event, { value: number }>({
        ...common,
        table: effects,
        aggregate: ({ body }) => ({ name: body.run }),
        version: ({ body }) => ({ source: 'test', version: body.version }),
        reduce: (state = { value: 0 }) => ({ value: state.value + 1 }),
      });
  }
}
