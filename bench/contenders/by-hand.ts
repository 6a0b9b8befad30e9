import { randomUUID } from 'node:crypto';
import {
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type TransactWriteItem,
  type Update,
} from '@aws-sdk/client-dynamodb';
import { Payment } from '../message.js';
import type { Tables } from '../tables.js';
import type { Contender } from './contender.js';

/*
 * The writes of each of our ways without a library: nothing is asked, checked or made good, so nobody can be faster
 * on this engine. What the peer is behind them is the most that any library could be ahead of it here.
 */

type Bodies = readonly { readonly body: string }[];

const payments = (records: Bodies) => records.map(({ body }) => Payment.parse(JSON.parse(body)));

/** One write for the batch, on condition that the account stands where this instance left it. */
export const aggregateByHand: Contender = (client, { accounts }) => {
  const positions = new Map<string, number>();
  return async ({ Records }) => {
    const batch = payments(Records);
    const [{ account } = { account: '' }] = batch;
    const position = positions.get(account) ?? 0;
    await client.send(
      new UpdateItemCommand({
        TableName: accounts,
        Key: { account: { S: account } },
        UpdateExpression: 'SET #position = :next ADD payments :payments, cents :cents',
        ConditionExpression: position === 0 ? 'attribute_not_exists(#position)' : '#position = :position',
        ExpressionAttributeNames: { '#position': 'position' },
        ExpressionAttributeValues: {
          ':next': { N: String(position + batch.length) },
          ...(position > 0 && { ':position': { N: String(position) } }),
          ...sums(batch),
        },
      }),
    );
    positions.set(account, position + batch.length);
    return { batchItemFailures: [] };
  };
};

/** A receipt for each message and one write of the account, in one transaction. */
export const packedByHand: Contender = (client, tables) => async (event) => {
  const batch = payments(event.Records);
  await client.send(new TransactWriteItemsCommand({ TransactItems: transactionOf(batch, tables) }));
  return { batchItemFailures: [] };
};

export const singleByHand: Contender = (client, tables) => async (event) => {
  for (const payment of payments(event.Records))
    await client.send(new TransactWriteItemsCommand({ TransactItems: transactionOf([payment], tables) }));
  return { batchItemFailures: [] };
};

function transactionOf(batch: readonly Payment[], { receipts, accounts }: Tables): TransactWriteItem[] {
  const [{ account } = { account: '' }] = batch;
  const Update: Update = {
    TableName: accounts,
    Key: { account: { S: account } },
    UpdateExpression: 'ADD payments :payments, cents :cents',
    ExpressionAttributeValues: sums(batch),
  };
  const proofs = batch.map(({ id }) => ({
    Put: {
      TableName: receipts,
      Item: { id: { S: id }, commit: { S: randomUUID() } },
      ConditionExpression: 'attribute_not_exists(id)',
    },
  }));
  return [...proofs, { Update }];
}

function sums(batch: readonly Payment[]) {
  const cents = batch.reduce((sum, payment) => sum + payment.cents, 0);
  return { ':payments': { N: String(batch.length) }, ':cents': { N: String(cents) } };
}
