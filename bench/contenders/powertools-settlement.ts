import { processPartialResponse, SqsFifoPartialProcessorAsync } from '@aws-lambda-powertools/batch';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { required } from '../../lambdas/environment.js';
import { Payment, shopShard } from '../../lambdas/api/payment.js';

/** The reference consumer (lambdas/consumer/settlement.ts) as one would write it with Powertools, for its size. */
const client = new DynamoDBClient({});
const [accounts, payments, shop] = ['ACCOUNTS_TABLE', 'PAYMENTS_TABLE', 'SHOP_TABLE'].map(required);
const config = new IdempotencyConfig({ eventKeyJmesPath: 'paymentId', throwOnNoIdempotencyKey: true });
const processor = new SqsFifoPartialProcessorAsync();

const settle = makeIdempotent(
  async ({ paymentId, customer, cents, cds, purchasedOn }: Payment) => {
    const credit = { ':cents': { N: String(cents) }, ':one': { N: '1' } };
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          {
            Update: {
              TableName: accounts,
              Key: { customer: { S: customer } },
              UpdateExpression: 'ADD balance :debit, payments :one',
              ExpressionAttributeValues: { ':debit': { N: String(-cents) }, ':one': { N: '1' } },
            },
          },
          {
            Update: {
              TableName: payments,
              Key: { paymentId: { S: paymentId } },
              UpdateExpression:
                'SET customer = :customer, cents = :cents, cds = :cds, purchasedOn = :on ADD settlements :one',
              ExpressionAttributeValues: {
                ...credit,
                ':customer': { S: customer },
                ':cds': { N: String(cds) },
                ':on': { S: purchasedOn },
              },
            },
          },
          {
            Update: {
              TableName: shop,
              Key: { shard: { S: shopShard(paymentId) } },
              UpdateExpression: 'ADD credit :cents, payments :one',
              ExpressionAttributeValues: credit,
            },
          },
        ],
      }),
    );
    return { settled: paymentId };
  },
  {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName: required('EXACTLY_ONCE_DEDUP_TABLE') }),
    config,
  },
);

const recordHandler = async ({ body }: SQSRecord) => {
  await settle(Payment.parse(JSON.parse(body)));
};

export const handler = async (event: SQSEvent, context: Context) => {
  config.registerLambdaContext(context);
  return processPartialResponse(event, recordHandler, processor, { context });
};
