import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import {
  idempotentApi,
  type Api,
  type ApiRequest,
  type ApiResponse,
  type IdempotentApiOptions,
  type KeyedRequest,
  type RequestSummary,
} from '../../runtime/api/index.js';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';

export const PaymentBody = z.object({ account: z.string().check(z.minLength(1)), cents: z.int() });
export type PaymentBody = z.infer<typeof PaymentBody>;

export interface Names {
  readonly receipts: string;
  /** Partition key `account`. `payments` counts by no key: it shows a double. */
  readonly accounts: string;
}

export const day = 24 * 3600;

/** Pays, and answers with a number that no second run would find again. */
export function pay(
  { accounts }: Names,
  { key, body }: KeyedRequest<PaymentBody>,
  tx: Transaction,
): ApiResponse {
  const { account, cents } = body;
  tx.update(
    table({ name: accounts, partitionKey: 'account' }),
    { account },
    { add: { payments: 1, balance: -cents } },
  );
  return {
    status: 201,
    headers: { Location: `/payments/${encodeURIComponent(key)}`, 'X-Run': randomUUID() },
    cookies: ['session=1'],
    body: { account, cents, run: randomUUID() },
  };
}

export function paymentsApi(
  names: Names,
  dynamodb: DynamoDBClient,
  more: Partial<IdempotentApiOptions<PaymentBody>> = {},
  summaries: RequestSummary[] = [],
): Api {
  return idempotentApi<PaymentBody>({
    settings: { apiName: 'payments', dedupTable: names.receipts, windowSeconds: day },
    schema: PaymentBody,
    handle: (request, tx) => pay(names, request, tx),
    dynamodb,
    observe: (summary) => summaries.push(summary),
    ...more,
  });
}

export interface Shape {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly caller?: string;
}

/** A request as an adapter makes it. A body of bytes is taken as it is. */
export function request({
  method = 'POST',
  path = '/payments',
  query = '',
  key = randomUUID(),
  headers = {},
  body = { account: randomUUID(), cents: 5 },
  caller = 'alice',
}: Shape = {}): ApiRequest {
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: {
      'content-type': 'application/json',
      ...(key === '' ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    body: body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body)),
    params: {},
    identity: caller === '' ? {} : { claims: { iss: 'https://issuer.example', sub: caller } },
  };
}

export const limits = () => ({ deadline: Date.now() + 20_000 });

/** The body of an answer as JSON. */
export function json(response: { readonly body: string | Uint8Array }): unknown {
  return JSON.parse(
    typeof response.body === 'string' ? response.body : Buffer.from(response.body).toString(),
  );
}
