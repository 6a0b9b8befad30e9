import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { assertColumns, rowText, type AuditedColumns } from './row-text.js';
import type { AuditSide } from './side.js';

export interface DynamoSideOptions extends AuditedColumns {
  readonly tableName: string;
  /** @default - a client of the process's own region */
  readonly client?: DynamoDBClient;
}

/** The items of a table of DynamoDB, read consistently: half a read unit for 4 KB of them. */
export function dynamoSide(options: DynamoSideOptions): AuditSide {
  assertColumns(options);
  const { tableName: TableName, client = new DynamoDBClient({}), partition } = options;
  return {
    name: `dynamodb ${TableName}`,
    async *rows() {
      for await (const { Items = [] } of paginateScan({ client }, { TableName, ConsistentRead: true }))
        for (const item of Items)
          yield { partition, ...rowText(options, unmarshall(item, { wrapNumbers: (text) => text })) };
    },
  };
}
