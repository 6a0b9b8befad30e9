import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Tables } from '../tables.js';

export type Handler = (
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<SQSBatchResponse>;

/** Makes one instance of a handler: what it keeps in memory is its own. */
export type Contender = (client: DynamoDBClient, tables: Tables) => Handler;
