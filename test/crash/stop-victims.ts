import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';

export interface StopNames {
  readonly receipts: string;
  readonly effects: string;
  readonly deadLetterQueueUrl: string;
  /** Failures until a message is dead-lettered. */
  readonly maxFailures: number;
}

const Step = z.object({ group: z.string(), id: z.string() });

/**
 * A consumer that stops groups. It appends each message to the text of its group, unkeyed; `bad` fails until it is
 * mended.
 */
export function stoppingConsumer(
  names: StopNames,
  mended: boolean,
  dynamodb: DynamoDBClient,
  sqs: SQSClient,
): SqsConsumer {
  const effects = table({ name: names.effects, partitionKey: 'name' });
  return sqsConsumer({
    settings: {
      consumerName: 'stopper',
      dedupTable: names.receipts,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: names.deadLetterQueueUrl,
      maxFailures: names.maxFailures,
      onFailure: 'stop',
    },
    schema: Step,
    key: ({ body }) => `${body.group} ${body.id}`,
    handle: async ({ body: { group, id } }, tx) => {
      if (id === 'bad' && !mended) throw new Error('not yet');
      const before = await tx.get(effects, { name: group }, ['log']);
      tx.update(
        effects,
        { name: group },
        { set: { log: `${(before?.log as string | undefined) ?? ''}${id} ` } },
      );
    },
    dynamodb,
    sqs,
    observe: () => undefined,
  });
}
