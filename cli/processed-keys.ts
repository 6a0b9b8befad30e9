import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { parseJson } from '../runtime/dedup/exact-json.js';
import { fingerprintOf } from '../runtime/dedup/fingerprint.js';
import { receiptId } from '../runtime/dedup/identity.js';
import { batchGet } from '../runtime/dynamodb/batch-get.js';
import { operatorLimits } from '../runtime/dedup/operator-limits.js';
import type { ReceiptDraft } from '../runtime/dynamodb/receipt.js';
import { judge } from '../runtime/dynamodb/receipt-verdict.js';
import type { DeadLetterCopy } from './dead-letter-copy.js';

/**
 * Those whose receipt is there: they have been processed, by another copy. Only what is certain: a message whose
 * receipt is not found, or holds another fingerprint (the consumer may select what is compared), is for the consumer
 * to judge.
 */
export async function processedCopies(
  client: DynamoDBClient,
  tableName: string,
  copies: readonly DeadLetterCopy[],
): Promise<ReadonlySet<DeadLetterCopy>> {
  const drafts = copies.flatMap((copy) => {
    const draft = draftOf(copy);
    return draft === undefined ? [] : [{ copy, draft }];
  });
  const ids = [...new Set(drafts.map(({ draft }) => draft.id))];
  const processed = new Set<DeadLetterCopy>();
  const keys = ids.map((id) => ({ id: { S: id } }));
  for (const row of await batchGet(client, tableName, keys, operatorLimits(), false))
    for (const { copy, draft } of drafts)
      if (row.id?.S === draft.id && judge(row, draft, new Set()).kind === 'duplicate') processed.add(copy);
  return processed;
}

/** Undefined where no receipt can be asked for: no key, or a body that never was JSON. */
function draftOf({ letter, body }: DeadLetterCopy): ReceiptDraft | undefined {
  if (letter?.key === undefined) return undefined;
  try {
    return { id: receiptId(letter.consumerName, letter.key), fingerprint: fingerprintOf(parseJson(body)) };
  } catch {
    return undefined;
  }
}
