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
   * ghost would be left, which the next reader takes for an event without content.
   */
  outboxRowOutlived:
    'attribute_exists(#version) AND (attribute_not_exists(#expiration) OR #expiration < :expiration)',
  /** The mark of a stream's first row is on the row itself, and makes no row either. */
  outboxRowThere: 'attribute_exists(#version)',
  /** Nobody has listed the stream as stuck meanwhile. */
  stuckAbsent: 'attribute_not_exists(#stream)',
  /** The entry is as it was read: nobody has left an event to it, lowered or raised it. On a random token. */
  stuckUnchanged: '#token = :seen',
  /** A tick that was overtaken says nothing new. */
  tickLater: 'attribute_not_exists(#at) OR #at < :at',
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

export function outboxRowThere(): Condition {
  return { expression: outboxConditions.outboxRowThere, names: { '#version': 'version' } };
}

/** @param seen the token that the entry had, undefined when there was none. */
export function stuckUnchanged(seen: string | undefined): Condition {
  if (seen === undefined) return { expression: outboxConditions.stuckAbsent, names: { '#stream': 'stream' } };
  return {
    expression: outboxConditions.stuckUnchanged,
    names: { '#token': 'token' },
    values: { ':seen': { S: seen } },
  };
}

/** @param at epoch milliseconds. */
export function tickLater(at: number): Condition {
  return {
    expression: outboxConditions.tickLater,
    names: { '#at': 'at' },
    values: { ':at': { N: String(at) } },
  };
}

/** Rows of one stream of an outbox in the order of their versions. @param from the first one, 40 digits */
export function streamQuery(stream: string, from?: string) {
  return {
    KeyConditionExpression:
      from === undefined ? '#stream = :stream' : '#stream = :stream AND #version >= :from',
    ExpressionAttributeNames: {
      '#stream': 'stream',
      ...(from === undefined ? {} : { '#version': 'version' }),
    },
    ExpressionAttributeValues: {
      ':stream': { S: stream },
      ...(from === undefined ? {} : { ':from': { S: from } }),
    },
  };
}
