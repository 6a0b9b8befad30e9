import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ApiRequest } from '../../runtime/api/index.js';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { limits, paymentsApi, request, type Names } from './payments.js';

export interface Order {
  readonly names: Names;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly key: string;
  readonly account: string;
  readonly dieAt: CrashPoint;
}

/** A process that serves one request and is killed at the given point, as by an out-of-memory killer. */
const { names, client, key, account, dieAt } = JSON.parse(process.argv[2] ?? '') as Order;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const asked: ApiRequest = request({ key, body: { account, cents: 5 } });
void paymentsApi(names, new DynamoDBClient(client))(asked, limits());
