import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { fixedSecrets, stripe, webhookReceiver } from '../../runtime/webhook/index.js';
import { request, type Delivery } from './delivery.js';

export interface Names {
  readonly receipts: string;
  readonly counts: string;
  readonly outbox: string;
}

export interface Order {
  readonly names: Names;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly delivery: Delivery;
  readonly secret: string;
  readonly dieAt: CrashPoint;
}

/** Publishes each event, and counts it under no key. */
export function receiverOf(names: Names, secret: string, dynamodb: DynamoDBClient) {
  return webhookReceiver({
    settings: {
      receiverName: 'hooks',
      dedupTable: names.receipts,
      windowSeconds: 60 * 24 * 3600,
      secretIds: {},
    },
    sources: { shop: { scheme: stripe(), secrets: fixedSecrets(secret) } },
    outbox: outbox({ table: names.outbox, source: 'hooks', epoch: '1' }),
    handle: ({ senderId = '' }, tx) =>
      tx.update(
        table({ name: names.counts, partitionKey: 'name' }),
        { name: senderId },
        { add: { acts: 1 } },
      ),
    dynamodb,
    observe: () => undefined,
  });
}

/** A process that takes one delivery and is killed at the given point, as by an out-of-memory killer. */
if (process.argv[2]?.startsWith('{') === true) {
  const { names, client, delivery, secret, dieAt } = JSON.parse(process.argv[2]) as Order;
  armCrashPoints((point) => {
    if (point === dieAt) process.kill(process.pid, 'SIGKILL');
  });
  void receiverOf(
    names,
    secret,
    new DynamoDBClient(client),
  )(request(delivery), {
    deadline: Date.now() + 20_000,
  });
}
