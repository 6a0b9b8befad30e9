import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Pool } from 'pg';
import { postgresIdempotentApi } from '../../runtime/api/postgres/index.js';
import type { Api, ApiRequest } from '../../runtime/api/index.js';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import { payInPostgres } from './pay-in-postgres.js';
import { day, limits, PaymentBody, paymentsApi, request } from './payments.js';
import type { At, Order } from './victim-order.js';

function apiAt(at: At): Api {
  if ('names' in at) return paymentsApi(at.names, new DynamoDBClient(at.client));
  return postgresIdempotentApi({
    settings: { apiName: 'payments', windowSeconds: day },
    pool: new Pool({ connectionString: at.url }),
    schema: PaymentBody,
    handle: payInPostgres,
    observe: () => undefined,
  });
}

/** A process that serves one request and is killed at the given point, as by an out-of-memory killer. */
const { at, key, account, dieAt } = JSON.parse(process.argv[2] ?? '') as Order;
armCrashPoints((point) => {
  if (point === dieAt) process.kill(process.pid, 'SIGKILL');
});
const asked: ApiRequest = request({ key, body: { account, cents: 5 } });
void apiAt(at)(asked, limits());
