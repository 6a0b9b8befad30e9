import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { sentKey } from '../../runtime/channel/index.js';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { sqsAggregateConsumer, sqsConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { pump, type TestChannel } from '../fixtures/channel.js';

export interface ReceiverOrder {
  readonly channel: TestChannel;
  readonly byVersion: boolean;
  /** Whether accounts list what they have seen, as it came, where no version says. @default false */
  readonly inOrder?: boolean;
  readonly receipts: string;
  readonly effects: string;
  readonly batches: number;
  readonly dieAt?: CrashPoint;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
}

/** One handler for either queue of a channel, in a process that is killed at the given point. */
const order = JSON.parse(process.argv[2] ?? '') as ReceiverOrder;
const { channel, receipts, effects, batches, client, dieAt } = order;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const sqs = new SQSClient({ ...client, useQueueUrlAsEndpoint: false });
const Event = z.object({ id: z.string(), account: z.string(), version: z.string() });
const common = {
  settings: {
    consumerName: 'spill',
    dedupTable: receipts,
    receiptRetentionSeconds: 3600,
    deadLetterQueueUrl: channel.deadLetterQueueUrl,
    // A message whose processes were ill is not to be given up.
    maxFailures: 900,
    onFailure: order.byVersion ? ('stop' as const) : ('skip' as const),
    spillover: true,
  },
  schema: Event,
  dynamodb: new DynamoDBClient(client),
  sqs,
  observe: () => undefined,
};
const consumer: SqsConsumer = order.byVersion
  ? sqsAggregateConsumer<typeof Event, { seen: string[] }>({
      ...common,
      table: table({ name: effects, partitionKey: 'name' }),
      aggregate: ({ body: { account } }) => ({ name: account }),
      version: ({ body: { version } }) => ({ source: 'producer', version }),
      // What acts twice, or before its turn, is in the list.
      reduce: ({ seen } = { seen: [] }, { body: { version } }) => ({ seen: [...seen, version] }),
    })
  : sqsConsumer({
      ...common,
      key: sentKey,
      handle: async ({ body: { id, account, version } }, tx) => {
        const rows = table({ name: effects, partitionKey: 'name' });
        tx.update(rows, { name: id }, { add: { acted: 1 } });
        if (order.inOrder !== true) return;
        const before = (await tx.get(rows, { name: account }, ['seen']))?.['seen'] as string[] | undefined;
        tx.put(rows, { name: account, seen: [...(before ?? []), version] });
      },
    });
void pump(sqs, channel, consumer, { batches, visibilitySeconds: 2 }).then(() => process.exit(0));
