import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { count, start, worker, type JobNames } from './job-bench.js';

export interface VictimOrder {
  readonly names: JobNames;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Where the process is killed, in its first job. Undefined: it lives until it is told to stop. */
  readonly dieAt?: CrashPoint;
}

/** A process that does jobs and is killed at the given point, as by an out-of-memory killer. */
const { names, client, dieAt } = JSON.parse(process.argv[2] ?? '') as VictimOrder;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const sqs = new SQSClient(client);
// A message that has killed too many workers is given up; here it is the workers that are ill.
const patience = 1_000;
const run: Parameters<typeof worker>[3] = async ({ jobId }, tx) => {
  await count(names, jobId, tx);
  return `done by ${process.pid}`;
};
const handler = worker(names, new DynamoDBClient(client), sqs, run, { maxFailures: patience });
const stop = start(names, sqs, handler);
process.on('SIGTERM', () => void stop().then(() => process.exit(0)));
