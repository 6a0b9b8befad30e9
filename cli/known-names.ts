import {
  DescribeTableCommand,
  ScanCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { CliError } from './cli-error.js';
import type { NotKnown } from './permission.js';

/** Rows that are looked at for the name of a consumer. Read a page at a time, and no further than needed. */
const mostRows = 20_000;
const rowsPerPage = 1_000;
/** Names that are told when another one was given. */
const mostNames = 10;

/**
 * Compares what was given by hand with what is there: a consumer that never wrote into a table full of others' rows
 * is a slip of the hand, and every list of its would be empty and look fine.
 *
 * @throws CliError when the table is none of receipts, or has rows of others only
 */
export async function assertConsumerOf(
  client: DynamoDBClient,
  tableName: string,
  consumerName: string,
  notKnown: NotKnown,
): Promise<void> {
  const what = `whether '${consumerName}' is a consumer of table '${tableName}'`;
  await notKnown.unlessDenied(what, 'dynamodb:DescribeTable', () => assertReceiptTable(client, tableName));
  await notKnown.unlessDenied(what, 'dynamodb:Scan', () =>
    assertKnown(client, tableName, consumerName, notKnown, what),
  );
}

async function assertReceiptTable(client: DynamoDBClient, tableName: string): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
  const keys = (Table?.KeySchema ?? []).map(({ AttributeName = '' }) => AttributeName);
  if (keys.join() === 'id') return;
  throw new CliError(
    `table '${tableName}' has the key ${keys.map((key) => `'${key}'`).join(', ')}, a table of receipts has 'id': check --dedup-table`,
  );
}

async function assertKnown(
  client: DynamoDBClient,
  TableName: string,
  consumerName: string,
  notKnown: NotKnown,
  what: string,
): Promise<void> {
  const others = new Set<string>();
  let rows = 0;
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName,
        Limit: rowsPerPage,
        ProjectionExpression: 'id',
        ExclusiveStartKey: from,
      }),
    );
    for (const { id } of page.Items ?? []) {
      const name = scopeOf(id?.S ?? '');
      if (name === consumerName) return;
      if (name !== undefined) others.add(name);
    }
    rows += page.Items?.length ?? 0;
    from = page.LastEvaluatedKey;
  } while (from !== undefined && rows < mostRows);
  // Nobody has written yet: nothing can be compared, and nothing is there that could be missed.
  if (others.size === 0) return;
  if (from !== undefined) {
    notKnown.say(what, `none of its first ${rows} rows is of that consumer`);
    return;
  }
  const names = [...others].sort().slice(0, mostNames);
  throw new CliError(
    `table '${TableName}' has no row of consumer '${consumerName}', but of ${names.map((name) => `'${name}'`).join(', ')}: check --consumer and --dedup-table; for a consumer that has never written there give --function instead`,
  );
}

/** Whose a row is: names hold neither `#` nor `!`. */
function scopeOf(id: string): string | undefined {
  return /^([^#!]+)[#!]/.exec(id)?.[1];
}
