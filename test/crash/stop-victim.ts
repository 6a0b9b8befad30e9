import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { stoppingConsumer, type StopNames } from './stop-victims.js';

export interface StopOrder {
  readonly names: StopNames;
  readonly mended: boolean;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly records: SQSRecord[];
  readonly dieAt: CrashPoint;
}

/** A process that handles one batch and is killed at the given point. */
const { names, mended, client, records, dieAt } = JSON.parse(process.argv[2] ?? '') as StopOrder;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const consumer = stoppingConsumer(names, mended, new DynamoDBClient(client), new SQSClient(client));
void consumer({ Records: records }, { getRemainingTimeInMillis: () => 30_000 });
