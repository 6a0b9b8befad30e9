import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** The client as options of other rooms name it: only this room, the outbox and jobs know the SDK. */
export type { DynamoDBClient };

/** A client of the function's own region. */
export function newClient(): DynamoDBClient {
  return new DynamoDBClient({});
}
