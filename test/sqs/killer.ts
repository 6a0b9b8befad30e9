import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  sqsNaturalConsumer,
  type ConsumerSettings,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';

export interface KillerOrder {
  readonly way: 'transaction' | 'insert' | 'aggregate' | 'natural';
  readonly settings: ConsumerSettings;
  readonly effects: string;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly records: SQSRecord[];
}

/**
 * A process that handles one batch, and is killed by any message that says so, as by an out-of-memory killer. Prints
 * its answer.
 */
const { way, settings, effects, client, records } = JSON.parse(process.argv[2] ?? '') as KillerOrder;
const rows = table({ name: effects, partitionKey: 'name' });
const common = {
  settings,
  schema: z.object({ id: z.string(), kills: z.boolean() }),
  dynamodb: new DynamoDBClient(client),
  sqs: new SQSClient(client),
  observe: () => undefined,
};
const die = (kills: boolean) => {
  if (kills) process.kill(process.pid, 'SIGKILL');
};
const consumers: Record<KillerOrder['way'], () => SqsConsumer> = {
  transaction: () =>
    sqsConsumer({
      ...common,
      key: ({ body }) => body.id,
      handle: ({ body }, tx) => {
        die(body.kills);
        tx.update(rows, { name: 'all' }, { add: { value: 1 } });
      },
    }),
  insert: () =>
    sqsInsertConsumer({
      ...common,
      table: rows,
      row: ({ body }) => {
        die(body.kills);
        return { name: body.id };
      },
    }),
  // Each message is the first of its stream.
  aggregate: () =>
    sqsAggregateConsumer<typeof common.schema, { value: number }>({
      ...common,
      table: rows,
      aggregate: () => ({ name: 'all' }),
      version: ({ body }) => ({ source: body.id, version: '1' }),
      reduce: (state, { body }) => {
        die(body.kills);
        return { value: (state?.value ?? 0) + 1 };
      },
    }),
  natural: () =>
    sqsNaturalConsumer({
      ...common,
      handle: async ({ body }) => {
        die(body.kills);
        await common.dynamodb.send(
          new PutItemCommand({ TableName: effects, Item: { name: { S: body.id } } }),
        );
      },
    }),
};
void consumers[way]()({ Records: records }, { getRemainingTimeInMillis: () => 30_000 }).then((answer) => {
  process.stdout.write(JSON.stringify(answer));
});
