import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { consumerOf, type Names, type WayName } from './victims.js';

export interface Order {
  readonly way: WayName;
  readonly names: Names;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly records: SQSRecord[];
  readonly dieAt: CrashPoint;
}

/**
 * A process that handles one batch and is killed at the given point, as by an out-of-memory killer: nothing is
 * flushed or caught.
 */
const { way, names, client, records, dieAt } = JSON.parse(process.argv[2] ?? '') as Order;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
void consumerOf(
  way,
  names,
  new DynamoDBClient(client),
  new SQSClient(client),
)({ Records: records }, { getRemainingTimeInMillis: () => 30_000 });
