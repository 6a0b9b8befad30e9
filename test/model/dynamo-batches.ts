import type { AttributeValue, KeysAndAttributes, WriteRequest } from '@aws-sdk/client-dynamodb';
import { throttled, type Throttle } from './dynamo-errors.js';

/** What stands under `RequestItems`, of either kind of batch. */
export type RequestItems = Record<string, KeysAndAttributes | WriteRequest[]>;

/** Whether one key, or one write, of a batch is left unprocessed. */
export type Pick = (table: string, one: Record<string, AttributeValue> | WriteRequest) => boolean;

export interface Halves {
  /** What is left of the request. */
  readonly done: RequestItems;
  /**
   * What the answer says under `UnprocessedKeys` or `UnprocessedItems`: a request of its own, with all that the first
   * one said.
   */
  readonly left: RequestItems;
}

/**
 * A batch of which DynamoDB does a part, as it may at any time. Where nothing of it can be done for lack of
 * throughput, it throws.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
 * @throws ProvisionedThroughputExceededException
 */
export function halves(
  items: RequestItems,
  pick: Pick,
  throttle: Throttle = 'ProvisionedThroughputExceededException',
): Halves {
  const done: RequestItems = {};
  const left: RequestItems = {};
  for (const [table, request] of Object.entries(items)) {
    if (Array.isArray(request)) {
      const { picked, others } = parted(request, (write) => pick(table, write));
      if (others.length > 0) done[table] = others;
      if (picked.length > 0) left[table] = picked;
      continue;
    }
    const { picked, others } = parted(request.Keys ?? [], (key) => pick(table, key));
    if (others.length > 0) done[table] = { ...request, Keys: others };
    if (picked.length > 0) left[table] = { ...request, Keys: picked };
  }
  if (Object.keys(done).length === 0 && Object.keys(left).length > 0) throw throttled(throttle);
  return { done, left };
}

function parted<One>(all: readonly One[], pick: (one: One) => boolean) {
  const picked: One[] = [];
  const others: One[] = [];
  for (const one of all) (pick(one) ? picked : others).push(one);
  return { picked, others };
}
