import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Limits } from '../dedup/limits.js';

/** How rows of an outbox table are reached. */
export interface OutboxAccess {
  readonly client: DynamoDBClient;
  /** Name of the outbox table. */
  readonly table: string;
  /** Until when calls may take, and what counts them. */
  readonly limits: Limits;
}
