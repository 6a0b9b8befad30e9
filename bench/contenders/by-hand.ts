import { randomUUID } from 'node:crypto';
import {
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Payment } from '../message.js';
import type { Tables } from '../tables.js';
import type { Contender } from './contender.js';

/*
 * The writes of each of our ways without a library: the same attributes of the same length under the same conditions.
 * Nothing is asked, computed, checked or made good, so nobody can be faster on this engine. What the peer is behind
 * them is the most that any library could be ahead of it here.
 */

type Bodies = readonly { readonly body: string }[];

const payments = (records: Bodies) => records.map(({ body }) => Payment.parse(JSON.parse(body)));

/** As long as a fingerprint, a SHA-256 in base64url. */
const fingerprint = 'f'.repeat(43);
/** An account keeps marks of the last 64 versions, 48 bits of the fingerprint of each. */
const keptVersions = 64;
const mark = 'f'.repeat(8);
const retentionSeconds = 14 * 24 * 3600;

interface Position {
  readonly token: string;
  readonly version: number;
  readonly cents: number;
}

/** One write for the batch, on condition that the account stands where this instance left it. */
export const aggregateByHand: Contender = (client, { accounts }) => {
  const positions = new Map<string, Position>();
  return async ({ Records }) => {
    const batch = payments(Records);
    const [{ account } = { account: '' }] = batch;
    const seen = positions.get(account);
    const next = {
      token: randomUUID(),
      version: (seen?.version ?? 0) + batch.length,
      cents: (seen?.cents ?? 0) + centsOf(batch),
    };
    const kept = mark.repeat(Math.min(next.version, keptVersions));
    const ledger = [3, [JSON.stringify(['bench', '0']), String(next.version), { m: kept }]];
    await client.send(
      new UpdateItemCommand({
        TableName: accounts,
        Key: { account: { S: account } },
        UpdateExpression: 'SET #ledger = :ledger, #token = :next, #a = :a, #b = :b',
        ConditionExpression: seen === undefined ? 'attribute_not_exists(#token)' : '#token = :seen',
        ExpressionAttributeNames: { '#ledger': 'xo', '#token': 'xoToken', '#a': 'payments', '#b': 'cents' },
        ExpressionAttributeValues: {
          ...(seen && { ':seen': { S: seen.token } }),
          ':ledger': { S: JSON.stringify(ledger) },
          ':next': { S: next.token },
          ':a': { N: String(next.version) },
          ':b': { N: String(next.cents) },
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    positions.set(account, next);
    return { batchItemFailures: [] };
  };
};

/** A receipt for each message and one write of the account, in one transaction. */
export const packedByHand: Contender = (client, tables) => async (event) => {
  await client.send(new TransactWriteItemsCommand(transactionOf(payments(event.Records), tables)));
  return { batchItemFailures: [] };
};

export const singleByHand: Contender = (client, tables) => async (event) => {
  for (const payment of payments(event.Records))
    await client.send(new TransactWriteItemsCommand(transactionOf([payment], tables)));
  return { batchItemFailures: [] };
};

function transactionOf(
  batch: readonly Payment[],
  { receipts, accounts }: Tables,
): TransactWriteItemsCommandInput {
  const [{ account } = { account: '' }] = batch;
  const commit = randomUUID();
  const expiration = String(Math.floor(Date.now() / 1000) + retentionSeconds);
  const proofs = batch.map(({ id }) => ({
    Put: {
      TableName: receipts,
      Item: {
        id: { S: `bench#${id}` },
        v: { N: '1' },
        status: { S: 'COMPLETED' },
        fingerprint: { S: fingerprint },
        commit: { S: commit },
        expiration: { N: expiration },
      },
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#id': 'id' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    },
  }));
  const effect = {
    Update: {
      TableName: accounts,
      Key: { account: { S: account } },
      UpdateExpression: 'ADD #a :a, #b :b',
      ExpressionAttributeNames: { '#a': 'payments', '#b': 'cents' },
      ExpressionAttributeValues: {
        ':a': { N: String(batch.length) },
        ':b': { N: String(centsOf(batch)) },
      },
    },
  };
  return {
    TransactItems: [...proofs, effect],
    ClientRequestToken: commit,
    ReturnConsumedCapacity: 'TOTAL',
  };
}

function centsOf(batch: readonly Payment[]): number {
  return batch.reduce((sum, payment) => sum + payment.cents, 0);
}
