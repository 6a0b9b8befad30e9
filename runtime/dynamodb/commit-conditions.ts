import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Condition } from './condition.js';

/**
 * Every condition on which a guarantee rests, by id. Nowhere else in the runtime may one be written (lint): the
 * mutation run turns each of these into `true` in turn, and the proofs must notice every time (R9).
 */
export const conditions = {
  /**
   * No receipt row of any kind. It never looks at `expiration`: DynamoDB deletes expired rows days later, and a
   * completed receipt suppresses for as long as it is there (R7). A row that says "in progress" fails it too, and is
   * then told apart by its status.
   */
  receiptAbsent: 'attribute_not_exists(#id)',
  /** A renewal only ever lengthens the life of a receipt that is there; it never creates one nor shortens it. */
  receiptOutlived: 'attribute_exists(#id) AND #expiration < :expiration',
  /**
   * The aggregate is as it was when this instance last saw it. On a random token, not on a counter: an item that was
   * deleted and made again would come round to the same number (R14).
   */
  aggregateUnchanged: '#token = :seen',
  /** The aggregate has never been written. */
  aggregateAbsent: 'attribute_not_exists(#token)',
  /** The row that `tx.insert` makes is new. */
  rowAbsent: 'attribute_not_exists(#pk)',
  /** An attribute that `tx.get` returned is as it was. One for each, numbered in place of `xs` (R13). */
  attributeUnchanged: '#xs=:xs',
  /** An attribute that `tx.get` did not find is still not there. */
  attributeStillAbsent: 'attribute_not_exists(#xs)',
};

export function receiptAbsent(): Condition {
  return { expression: conditions.receiptAbsent, names: { '#id': 'id' } };
}

export function receiptOutlived(expiration: number): Condition {
  return {
    expression: conditions.receiptOutlived,
    names: { '#id': 'id', '#expiration': 'expiration' },
    values: { ':expiration': { N: String(expiration) } },
  };
}

/** @param seen the token that the item had, undefined when there was none. */
export function aggregateUnchanged(seen: string | undefined): Condition {
  const names = { '#token': 'xoToken' };
  if (seen === undefined) return { expression: conditions.aggregateAbsent, names };
  return { expression: conditions.aggregateUnchanged, names, values: { ':seen': { S: seen } } };
}

export function rowAbsent(partitionKey: string): Condition {
  return { expression: conditions.rowAbsent, names: { '#pk': partitionKey } };
}

/** Attributes as they were read; undefined where there was none. */
export type Seen = Readonly<Record<string, AttributeValue | undefined>>;

export function unchanged(seen: Seen): Condition | undefined {
  const entries = Object.entries(seen);
  if (entries.length === 0) return undefined;
  const names: Record<string, string> = {};
  const values: Record<string, AttributeValue> = {};
  const expressions = entries.map(([name, value], i) => {
    const id = `xs${i.toString(36)}`;
    names[`#${id}`] = name;
    if (value !== undefined) values[`:${id}`] = value;
    const expression = value === undefined ? conditions.attributeStillAbsent : conditions.attributeUnchanged;
    return expression.replaceAll('xs', id);
  });
  return { expression: expressions.join(' AND '), names, values };
}

export function allOf(several: readonly (Condition | undefined)[]): Condition | undefined {
  const given = several.filter((one) => one !== undefined);
  const [first] = given;
  if (given.length <= 1) return first;
  return {
    expression: given.map(({ expression }) => `(${expression})`).join(' AND '),
    names: Object.assign({}, ...given.map(({ names }) => names)) as Condition['names'],
    values: Object.assign({}, ...given.map(({ values }) => values)) as Condition['values'],
  };
}

/**
 * The parameters of a conditional write. A failed one brings the item back: it tells our own write from a stranger's
 * (R12).
 */
export function conditional(condition: Condition | undefined): {
  ConditionExpression?: string;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
} {
  if (condition === undefined) return {};
  return { ConditionExpression: condition.expression, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
}
