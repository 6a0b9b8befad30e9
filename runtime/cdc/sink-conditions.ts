import type { Put } from '@aws-sdk/client-dynamodb';

/** The conditions of the DynamoDB sink (R9): test/cdc/dynamo-sink.test.ts fails without any of them. */
export const sinkConditions = {
  /** Nobody has written the partition yet. */
  unmet: 'attribute_not_exists(#id)',
  /** The sink stands where the writer has read on from. */
  standsAt: '#next = :from',
  /** The item whose large value is to stay is there. */
  rowIsThere: 'attribute_exists(#key)',
};

/** @param from the offset that the writer knows; 0 of a partition that was never written. */
export function standsAt(
  from: bigint,
): Pick<Put, 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'> {
  return from === 0n
    ? { ConditionExpression: sinkConditions.unmet, ExpressionAttributeNames: { '#id': 'id' } }
    : {
        ConditionExpression: sinkConditions.standsAt,
        ExpressionAttributeNames: { '#next': 'next' },
        ExpressionAttributeValues: { ':from': { N: String(from) } },
      };
}

/** Of an update that leaves what it does not name; its other names come beside. */
export const rowIsThere = { ConditionExpression: sinkConditions.rowIsThere };
