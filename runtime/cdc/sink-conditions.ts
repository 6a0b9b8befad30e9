import type { Put } from '@aws-sdk/client-dynamodb';

/** The conditions of the DynamoDB sink (R9): test/cdc/dynamo-sink.test.ts fails without either. */
export const sinkConditions = {
  /** Nobody has written the partition yet. */
  unmet: 'attribute_not_exists(#id)',
  /** The sink stands where the writer has read on from. */
  standsAt: '#next = :from',
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
