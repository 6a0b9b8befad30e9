import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { History } from '../dedup/history.js';
import { nowSeconds } from './receipt.js';

/**
 * By the id at the transport on purpose: the counts belong to the receive count of that very message, and a redriven
 * copy starts both anew. A consumer name holds no `!`, so this is never the id of a receipt.
 */
export function historyId(consumerName: string, messageId: string): string {
  return `${consumerName}!attempts#${messageId}`;
}

export function readHistory(row: Record<string, AttributeValue>): History {
  const count = (name: keyof History) => Number(row[name]?.N ?? 0);
  return {
    excused: count('excused'),
    failed: count('failed'),
    alone: count('alone'),
    company: count('company'),
    readable: row.readable !== undefined,
    parked: row.parked !== undefined,
    gaveUp: row.lettered && (row.reason?.S ?? ''),
  };
}

/** SQS keeps no message longer than 14 days, so nobody asks about it afterwards. */
const lifeSeconds = 15 * 86_400;

export function historyExpiration(): AttributeValue {
  return { N: String(nowSeconds() + lifeSeconds) };
}
