import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { type Attributes } from './attribute-value.js';
import { batchGet } from './batch-get.js';
import { conditional, receiptOutlived } from './conditions.js';
import type { DynamoStoreOptions } from './store-options.js';
import { DependencyFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome } from '../dedup/outcome.js';
import { decimalOf } from './native-value.js';
import { nowSeconds, rowAttributes, type ReceiptDraft } from './receipt.js';
import { judge, judgeRow } from './receipt-verdict.js';
import { send } from './send.js';
import type { ItemAddress } from './table.js';

/** A duplicate that finds less of the receipt's life left than this renews it (R8). */
const renewBelow = 0.2;
const noCommits: ReadonlySet<string> = new Set();

/** See `DynamoStore.recall`. */
export async function recall<Draft extends ReceiptDraft>(
  options: DynamoStoreOptions,
  drafts: readonly Draft[],
  limits: Limits,
  consistent: boolean,
): Promise<Map<Draft, Outcome>> {
  const found = new Map<Draft, Outcome>();
  const say = (draft: Draft, outcome: Outcome) => {
    // Of a row that is its own receipt and one in the dedup table, the one that knows the message decides.
    if (outcome.kind === 'duplicate' || (outcome.kind === 'rejected' && !found.has(draft)))
      found.set(draft, outcome);
  };
  const [rows] = await Promise.all([
    receiptRows(options, drafts, limits, consistent),
    inRows(options, drafts, limits, consistent, say),
  ]);
  const renewals = drafts.flatMap((draft) => {
    const row = rows.get(draft.id);
    if (row === undefined || (draft.expires && expirationOf(row) < nowSeconds())) return [];
    const outcome = judge(row, draft, noCommits);
    say(draft, outcome);
    return outcome.kind === 'duplicate' ? [noteDuplicate(options, draft, row, limits)] : [];
  });
  await Promise.all(renewals);
  return found;
}

/** The same by message. */
export async function recallMessages<Message>(
  messages: readonly Message[],
  draftOf: (message: Message) => ReceiptDraft,
  find: (drafts: readonly ReceiptDraft[]) => Promise<ReadonlyMap<ReceiptDraft, Outcome>>,
): Promise<Map<Message, Outcome>> {
  const drafts = new Map<ReceiptDraft, Message>();
  for (const message of messages)
    try {
      drafts.set(draftOf(message), message);
    } catch {
      // Of a body that the schema refused the row may not be told: then nothing is known of it.
    }
  const outcomes = new Map<Message, Outcome>();
  for (const [draft, outcome] of await find([...drafts.keys()])) {
    const message = drafts.get(draft);
    if (message !== undefined) outcomes.set(message, outcome);
  }
  return outcomes;
}

async function receiptRows(
  { client, tableName }: DynamoStoreOptions,
  drafts: readonly ReceiptDraft[],
  limits: Limits,
  consistent: boolean,
): Promise<ReadonlyMap<string, Attributes>> {
  const keys = [...new Set(drafts.map(({ id }) => id))].map((id) => ({ id: { S: id } }));
  const rows = await batchGet(client, tableName, keys, limits, consistent);
  return new Map(rows.map((row) => [row.id?.S ?? '', row]));
}

/** Those whose receipt is a row of another table. */
async function inRows<Draft extends ReceiptDraft>(
  { client }: DynamoStoreOptions,
  drafts: readonly Draft[],
  limits: Limits,
  consistent: boolean,
  say: (draft: Draft, outcome: Outcome) => void,
): Promise<void> {
  const placed = drafts.flatMap((draft) => (draft.at === undefined ? [] : [{ draft, at: draft.at }]));
  const [first] = placed;
  if (first === undefined) return;
  const outcomes = await recallRows(
    client,
    placed.map(({ draft, at }) => ({ at, fingerprint: draft.fingerprint })),
    limits,
    consistent,
  );
  for (const [i, { draft }] of placed.entries()) {
    const outcome = outcomes[i];
    if (outcome !== undefined) say(draft, outcome);
  }
}

/** What rows that are their own receipts say, each in its place. All of one table. */
export async function recallRows(
  client: DynamoStoreOptions['client'],
  rows: readonly { readonly at: ItemAddress; readonly fingerprint: string }[],
  limits: Limits,
  consistent: boolean,
): Promise<(Outcome | undefined)[]> {
  const [first] = rows;
  if (first === undefined) return [];
  const { tableName, key } = first.at;
  const names = Object.keys(key);
  const { fingerprint, result } = rowAttributes;
  // DynamoDB answers a number in its own way to write it.
  const part = (value: AttributeValue | undefined) => (value?.N === undefined ? value : decimalOf(value.N));
  const text = (item: Attributes) => JSON.stringify(names.map((name) => part(item[name])));
  const found = await batchGet(
    client,
    tableName,
    [...new Map(rows.map(({ at }) => [text(at.key), at.key])).values()],
    limits,
    consistent,
    [...names, fingerprint, result],
  );
  const byKey = new Map(found.map((row) => [text(row), row]));
  return rows.map(({ at, ...draft }) => {
    const row = byKey.get(text(at.key));
    return row && judgeRow(row, draft, noCommits, at.id);
  });
}

/**
 * Measures the receipt's age and renews it when little of its life is left. Never throws: what is not renewed is left
 * to the next copy.
 */
export async function noteDuplicate(
  { client, tableName, retentionSeconds }: DynamoStoreOptions,
  { id, expires }: ReceiptDraft,
  row: Attributes,
  limits: Limits,
): Promise<void> {
  const left = expirationOf(row) - nowSeconds();
  limits.meter.receiptAges.push(retentionSeconds - left);
  if (expires || left >= renewBelow * retentionSeconds) return;
  const expiration = nowSeconds() + retentionSeconds;
  const condition = receiptOutlived(expiration);
  const command = new UpdateItemCommand({
    TableName: tableName,
    Key: { id: { S: id } },
    UpdateExpression: 'SET #expiration = :expiration',
    ExpressionAttributeNames: { ...condition.names },
    ExpressionAttributeValues: { ...condition.values },
    ...conditional(condition),
    ReturnConsumedCapacity: 'TOTAL',
  });
  try {
    await send(client, command, limits, 'write');
  } catch (error) {
    // Gone or renewed by another copy in between, or out of reach.
    if (!(error instanceof ConditionalCheckFailedException) && !(error instanceof DependencyFailed))
      throw error;
  }
}

function expirationOf(row: Attributes): number {
  return Number(row.expiration?.N ?? 0);
}
