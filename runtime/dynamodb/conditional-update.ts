import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { conditional, type Condition } from './conditions.js';
import type { Limits } from '../dedup/limits.js';
import { Meter } from '../dedup/meter.js';
import { commitFailed } from './call-failed.js';
import { send } from './send.js';
import { Clauses } from './write.js';

/** One conditional write on a row of the dedup table. */
export interface ConditionalUpdate {
  readonly id: string;
  readonly condition: Condition;
  /** What is undefined stays as it is. */
  readonly set: Readonly<Record<string, AttributeValue | undefined>>;
  readonly remove?: readonly string[];
}

type Item = Record<string, AttributeValue>;

/**
 * @param limits @default - none: the call takes as long as the client lets it
 * @returns the row as it is now, or as it was when the condition failed (undefined: there is none).
 * @throws CommitFailed when the outcome is not known.
 */
export async function conditionalUpdate(
  table: { readonly client: DynamoDBClient; readonly tableName: string },
  { id, condition, set, remove = [] }: ConditionalUpdate,
  limits: Limits = { deadline: Infinity, meter: new Meter() },
): Promise<
  { readonly written: true; readonly row: Item } | { readonly written: false; readonly row?: Item }
> {
  const { client, tableName } = table;
  const clauses = new Clauses();
  for (const [name, value] of Object.entries(set))
    if (value !== undefined) clauses.add('SET', `${clauses.name(name)} = ${clauses.value(value)}`);
  for (const name of remove) clauses.add('REMOVE', clauses.name(name));
  try {
    const { Attributes = {} } = await send(
      client,
      new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: id } },
        UpdateExpression: clauses.text(),
        ...conditional(condition),
        ExpressionAttributeNames: { ...condition.names, ...clauses.names },
        ExpressionAttributeValues: { ...condition.values, ...clauses.values },
        ReturnValues: 'ALL_NEW',
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'write',
    );
    return { written: true, row: Attributes };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw commitFailed(error, tableName);
    return { written: false, row: error.Item };
  }
}
