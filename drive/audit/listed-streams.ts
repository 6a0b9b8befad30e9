import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';

/** How many streams of an outbox wait for the next run of its sweep: rows that have a time at which they are due. */
export async function listedStreams(dynamo: DynamoDBClient, table: string): Promise<number> {
  let listed = 0;
  const pages = paginateScan(
    { client: dynamo },
    {
      TableName: table,
      Select: 'COUNT',
      FilterExpression: 'attribute_exists(#of) AND attribute_exists(due)',
      ExpressionAttributeNames: { '#of': 'of' },
    },
  );
  for await (const page of pages) listed += page.Count ?? 0;
  return listed;
}
