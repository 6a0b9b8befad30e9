import type { Condition } from './condition.js';

/**
 * The conditions of outboxes. Apart from the others, because another mutation run kills them:
 * test/outbox/mutation.test.ts.
 */
export const outboxConditions = {
  /** The event's version has not been given yet: its row is the record of it (R29). */
  versionFree: 'attribute_not_exists(#stream)',
  /**
   * A sent mark only ever lengthens the life of a row. It never makes one: of a row that has expired meanwhile a
   * ghost would be left, which the stream then brings as an event without content.
   */
  outboxRowOutlived:
    'attribute_exists(#version) AND (attribute_not_exists(#expiration) OR #expiration < :expiration)',
};

export function versionFree(): Condition {
  return { expression: outboxConditions.versionFree, names: { '#stream': 'stream' } };
}

/** The newest row of a stream: its count. */
export function newestQuery(stream: string) {
  return {
    KeyConditionExpression: '#stream = :stream',
    ExpressionAttributeNames: { '#stream': 'stream' },
    ExpressionAttributeValues: { ':stream': { S: stream } },
    ScanIndexForward: false,
    Limit: 1,
  };
}

/** @param expiration epoch seconds. */
export function outboxRowOutlived(expiration: number): Condition {
  return {
    expression: outboxConditions.outboxRowOutlived,
    names: { '#version': 'version', '#expiration': 'expiration' },
    values: { ':expiration': { N: String(expiration) } },
  };
}

/**
 * Unsent rows of one shard of an outbox's index, oldest first. The rows themselves are read again before anything
 * rests on it.
 */
export function unsentQuery(shard: string) {
  return {
    IndexName: 'unsent',
    KeyConditionExpression: '#unsent = :shard',
    ExpressionAttributeNames: { '#unsent': 'unsent' },
    ExpressionAttributeValues: { ':shard': { S: shard } },
  };
}
