import { randomUUID } from 'node:crypto';
import type { ApiResponse, KeyedRequest } from '../../runtime/api/index.js';
import type { PostgresTx } from '../../runtime/postgres/index.js';
import type { PaymentBody } from './payments.js';

/** `payments` counts by no key: it shows a double. */
export const accountsTable =
  'CREATE TABLE accounts (account text PRIMARY KEY, payments integer NOT NULL, balance bigint NOT NULL)';

/** As `pay` does on DynamoDB. */
export async function payInPostgres(
  { key, body: { account, cents } }: KeyedRequest<PaymentBody>,
  tx: PostgresTx,
): Promise<ApiResponse> {
  await tx.query(
    'INSERT INTO accounts AS a VALUES ($1, 1, $2) ON CONFLICT (account) DO UPDATE SET payments = a.payments + 1, balance = a.balance + $2',
    [account, -cents],
  );
  return {
    status: 201,
    headers: { Location: `/payments/${encodeURIComponent(key)}`, 'X-Run': randomUUID() },
    cookies: ['session=1'],
    body: { account, cents, run: randomUUID() },
  };
}
