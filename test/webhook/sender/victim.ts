import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { armCrashPoints, type CrashPoint } from '../../../runtime/dedup/crash-points.js';
import type { CloudEvent } from '../../../runtime/outbox/index.js';
import {
  webhookIntake,
  webhookWorker,
  type WebhookSenderSettings,
} from '../../../runtime/webhook/sender/index.js';
import { SenderBatches } from './batches.js';

export interface Order {
  readonly role: 'intake' | 'worker';
  readonly settings: WebhookSenderSettings & { readonly dedupTable: string };
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly event: CloudEvent<unknown>;
  readonly now: number;
  readonly dieAt?: CrashPoint;
}

/** One invocation of one of the two functions. */
export async function invoke({ role, settings, event, now }: Order, dynamodb: DynamoDBClient): Promise<void> {
  const context = { getRemainingTimeInMillis: () => 60_000 };
  if (role === 'worker') {
    const worker = webhookWorker({
      ...{ settings, dynamodb, now: () => now, lingerMs: 0, observe: () => undefined },
      ...{ allowHttp: true, allowedRanges: ['127.0.0.0/8'] },
    });
    await worker({ Records: [SenderBatches.record({ shards: 'all' })] }, context);
    return;
  }
  const intake = webhookIntake({
    ...{ settings, dynamodb, now: () => now, observe: () => undefined, tenantOf: () => 'acme' },
    consumer: {
      consumerName: settings.senderName,
      dedupTable: settings.dedupTable,
      receiptRetentionSeconds: 86_400,
      deadLetterQueueUrl: 'http://none.invalid',
    },
  });
  await intake({ Records: [SenderBatches.record(event)] }, context);
}

/** A process that is killed at the given point, as by an out-of-memory killer. */
if (process.argv[2]?.startsWith('{') === true) {
  const order = JSON.parse(process.argv[2]) as Order;
  armCrashPoints((point) => {
    if (point === order.dieAt) process.kill(process.pid, 'SIGKILL');
  });
  void invoke(order, new DynamoDBClient(order.client));
}
