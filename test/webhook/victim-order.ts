import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { Delivery } from './delivery.js';

export interface Names {
  readonly receipts: string;
  readonly counts: string;
  readonly outbox: string;
}

/** Where receipts, counts and the outbox are. */
export type At = { readonly names: Names; readonly client: DynamoDBClientConfig } | { readonly url: string };

export interface Order {
  readonly at: At;
  readonly delivery: Delivery;
  readonly secret: string;
  readonly dieAt: CrashPoint;
}
