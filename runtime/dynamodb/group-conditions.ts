import type { Condition } from './condition.js';

/**
 * The conditions of stopped groups. Apart from the others, because another run kills them:
 * test/dynamodb/groups.test.ts.
 */
export const groupConditions = {
  /** The group row is as it was when it was read. On a random token, as with aggregates. */
  groupUnchanged: '#token = :seen',
  /** The group has never been stopped. */
  groupAbsent: 'attribute_not_exists(#id)',
};

/** @param seen the token that the row had, undefined when there was none. */
export function groupUnchanged(seen: string | undefined): Condition {
  if (seen === undefined) return { expression: groupConditions.groupAbsent, names: { '#id': 'id' } };
  return {
    expression: groupConditions.groupUnchanged,
    names: { '#token': 'token' },
    values: { ':seen': { S: seen } },
  };
}

/**
 * The rows of the index `attention` under one heading, oldest first. No guarantee rests on it: it only finds what a
 * person looks for.
 */
export function attentionQuery(heading: string) {
  return {
    IndexName: 'attention',
    KeyConditionExpression: '#attention = :heading',
    ExpressionAttributeNames: { '#attention': 'attention' },
    ExpressionAttributeValues: { ':heading': { S: heading } },
  };
}
