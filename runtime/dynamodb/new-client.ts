import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** A client of the function's own region. */
export function newClient(): DynamoDBClient {
  return new DynamoDBClient({});
}
