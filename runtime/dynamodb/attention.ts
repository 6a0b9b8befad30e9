import { paginateQuery, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { attentionQuery } from './conditions.js';

/**
 * What a dedup table lists under one heading of its index `attention`, oldest first. The index is behind by up to a
 * second or so. Costs half a read unit per 4 KB.
 *
 * @throws what the SDK throws, such as for a table without the index.
 */
export async function* attentionRows(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  heading: string,
): AsyncGenerator<Record<string, AttributeValue>> {
  const query = { TableName: tableName, ...attentionQuery(heading) };
  for await (const { Items = [] } of paginateQuery({ client }, query)) yield* Items;
}
