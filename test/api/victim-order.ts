import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { Names } from './payments.js';

/** Where the receipts and accounts are. */
export type At = { readonly names: Names; readonly client: DynamoDBClientConfig } | { readonly url: string };

export interface Order {
  readonly at: At;
  readonly key: string;
  readonly account: string;
  readonly dieAt: CrashPoint;
}
