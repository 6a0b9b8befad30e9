import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { KafkaEvent } from '../../runtime/kafka/index.js';
import { consumerOf, type Identity, type Names } from './victims.js';

export interface Order {
  readonly by: Identity;
  readonly names: Names;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly event: KafkaEvent;
  readonly dieAt: CrashPoint;
}

/**
 * A process that handles one batch and is killed at the given point, as by an out-of-memory killer: nothing is
 * flushed or caught.
 */
const { by, names, client, event, dieAt } = JSON.parse(process.argv[2] ?? '') as Order;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
void consumerOf(
  by,
  names,
  new DynamoDBClient(client),
  new SQSClient(client),
)(event, { getRemainingTimeInMillis: () => 30_000 });
