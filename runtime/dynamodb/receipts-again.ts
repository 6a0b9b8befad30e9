import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { conditional, receiptOutlived } from './conditions.js';
import type { DynamoStoreOptions } from './dynamo-store.js';
import type { Meter } from '../dedup/meter.js';
import { judge, nowSeconds, type ReceiptDraft, type Verdict } from './receipt.js';

/** A duplicate that finds less of the receipt's life left than this renews it (R8). */
const renewBelow = 0.2;

/** See `DynamoStore.lookUp`. */
export async function lookUp(
  options: DynamoStoreOptions,
  drafts: readonly ReceiptDraft[],
  meter: Meter,
): Promise<Map<ReceiptDraft, Verdict>> {
  const found = new Map<ReceiptDraft, Verdict>();
  const { client, tableName } = options;
  meter.call();
  const answer = await client.send(
    new BatchGetItemCommand({
      RequestItems: {
        [tableName]: { Keys: [...new Set(drafts.map(({ id }) => id))].map((id) => ({ id: { S: id } })) },
      },
      ReturnConsumedCapacity: 'TOTAL',
    }),
  );
  meter.read(answer.ConsumedCapacity);
  for (const row of answer.Responses?.[tableName] ?? [])
    for (const draft of drafts)
      if (draft.id === row.id?.S) {
        const verdict = judge(row, draft, new Set());
        found.set(draft, verdict);
        await noteDuplicate(options, draft, verdict, meter);
      }
  return found;
}

/** Measures the receipt's age and renews it when little of its life is left. */
export async function noteDuplicate(
  options: DynamoStoreOptions,
  draft: ReceiptDraft,
  verdict: Verdict,
  meter: Meter,
): Promise<void> {
  if (verdict.kind !== 'duplicate') return;
  const { client, tableName, retentionSeconds } = options;
  const left = verdict.expiration - nowSeconds();
  meter.receiptAges.push(retentionSeconds - left);
  if (draft.expires || left >= renewBelow * retentionSeconds) return;
  const expiration = nowSeconds() + retentionSeconds;
  const condition = receiptOutlived(expiration);
  try {
    meter.call();
    const answer = await client.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: draft.id } },
        UpdateExpression: 'SET #expiration = :expiration',
        ExpressionAttributeNames: { ...condition.names },
        ExpressionAttributeValues: { ...condition.values },
        ...conditional(condition),
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.write(answer.ConsumedCapacity && [answer.ConsumedCapacity]);
  } catch (error) {
    // Gone or renewed by another copy in between. Any other fault leaves the row as old as it was, for the next copy to renew.
    if (!(error instanceof ConditionalCheckFailedException) && !(error instanceof DynamoDBServiceException))
      throw error;
  }
}
