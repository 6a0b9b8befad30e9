import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { chargesApi, type Charging } from './charges.js';
import { limits, request, type Names } from './payments.js';

export interface LeasedOrder {
  readonly names: Names;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly charging: Charging;
  readonly key: string;
  readonly account: string;
  readonly dieAt: CrashPoint;
}

/**
 * A process that serves one request with a leased effect and is killed at the given point, as by an out-of-memory
 * killer.
 */
const { names, client, charging, key, account, dieAt } = JSON.parse(process.argv[2] ?? '') as LeasedOrder;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const api = chargesApi(names, new DynamoDBClient(client), charging);
void api(request({ key, body: { account, cents: 5 } }), limits());
