import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';

/** Made beside the stack, on an emulator that ends with the run. */
export const webhookTables = { WEBHOOK_TABLE: 'ui-webhooks', RECEIPTS_TABLE: 'ui-webhook-receipts' };

/** Of the table of webhooks that are sent, as the construct makes it. */
export const webhookTableSchema = {
  AttributeDefinitions: [
    ...['pk', 'sk', 'dueIn'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
    { AttributeName: 'dueAt', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'due',
      KeySchema: [
        { AttributeName: 'dueIn', KeyType: 'HASH' },
        { AttributeName: 'dueAt', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
} satisfies Partial<CreateTableCommandInput>;

/** The tables of a sender of webhooks, as its constructs make them. */
export async function makeWebhookTables(dynamo: DynamoDBClient): Promise<void> {
  await dynamo.send(
    new CreateTableCommand({
      TableName: webhookTables.RECEIPTS_TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  await dynamo.send(
    new CreateTableCommand({
      TableName: webhookTables.WEBHOOK_TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      ...webhookTableSchema,
    }),
  );
}
