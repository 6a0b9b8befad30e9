import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

export interface DynamoStoreOptions {
  readonly client: DynamoDBClient;
  /** Table of the receipts: string partition key `id`, TTL attribute `expiration`. */
  readonly tableName: string;
  /** How long a receipt lives, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
}
