import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { required } from '../environment.js';
import { PaymentAccepted } from '../outbox/payment-events.js';
import { shopShard } from '../api/payment.js';
import { logUnprotected } from './unprotected-summary.js';

/**
 * The same settlement as most people write it: every effect on its own, no receipt. It is deployed with
 * `--unprotected` only, to show that the audit counts what goes wrong.
 */
const client = new DynamoDBClient({});
const names = {
  accounts: required('ACCOUNTS_TABLE'),
  payments: required('PAYMENTS_TABLE'),
  shop: required('SHOP_TABLE'),
};

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  let writeUnits = 0;
  for (const { body } of event.Records) {
    const result = await PaymentAccepted['~standard'].validate(JSON.parse(body));
    if (result.issues) throw new Error('the message is no accepted payment');
    const { paymentId, customer, cents, cds, purchasedOn } = result.value.data;
    const credit = { ':cents': { N: String(cents) }, ':one': { N: '1' } };
    for (const command of [
      new UpdateItemCommand({
        TableName: names.accounts,
        Key: { customer: { S: customer } },
        UpdateExpression: 'ADD balance :debit, payments :one',
        ExpressionAttributeValues: { ':debit': { N: String(-cents) }, ':one': { N: '1' } },
        ReturnConsumedCapacity: 'TOTAL',
      }),
      new UpdateItemCommand({
        TableName: names.payments,
        Key: { paymentId: { S: paymentId } },
        UpdateExpression:
          'SET customer = :customer, cents = :cents, cds = :cds, purchasedOn = :on ADD settlements :one',
        ExpressionAttributeValues: {
          ...credit,
          ':customer': { S: customer },
          ':cds': { N: String(cds) },
          ':on': { S: purchasedOn },
        },
        ReturnConsumedCapacity: 'TOTAL',
      }),
      new UpdateItemCommand({
        TableName: names.shop,
        Key: { shard: { S: shopShard(paymentId) } },
        UpdateExpression: 'ADD credit :cents, payments :one',
        ExpressionAttributeValues: credit,
        ReturnConsumedCapacity: 'TOTAL',
      }),
    ])
      writeUnits += (await client.send(command)).ConsumedCapacity?.CapacityUnits ?? 0;
  }
  logUnprotected(event.Records.length, writeUnits, 3 * event.Records.length);
  return { batchItemFailures: [] };
}
