import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** A condition as DynamoDB takes it: expression, attribute names, marshalled values. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, AttributeValue>>;
}

/**
 * Every condition on which a guarantee rests, by id. Nowhere else in the runtime may one be written (lint): the mutation run
 * turns each of these into `true` in turn, and the proofs must notice every time (R9).
 */
export const conditions = {
  /**
   * No receipt row of any kind. It never looks at `expiration`: DynamoDB deletes expired rows days later, and a completed receipt
   * suppresses for as long as it is there (R7). A row that says "in progress" fails it too, and is then told apart by its status.
   */
  receiptAbsent: 'attribute_not_exists(#id)',
  /** A renewal only ever lengthens the life of a receipt that is there; it never creates one nor shortens it. */
  receiptOutlived: 'attribute_exists(#id) AND #expiration < :expiration',
  /**
   * The aggregate is as it was when this instance last saw it. On a random token, not on a counter: an item that was deleted and
   * made again would come round to the same number (R14).
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
  /** The aggregate's version is the one that the events of this commit continue (R29). */
  versionUnchanged: '#xoVersion = :xoVersion',
  /** The aggregate has published nothing yet. */
  versionAbsent: 'attribute_not_exists(#xoVersion)',
};

/** The conditions of API keys. Apart from the others, because another run kills them: test/api/window.test.ts. */
export const apiConditions = {
  /**
   * No receipt, or one whose window is over: for API keys, the only receipts that look at the clock (R7). DynamoDB deletes expired
   * rows days later, so absence alone would make the window as long as its delay.
   */
  receiptAbsentOrExpired: 'attribute_not_exists(#id) OR #expiration < :now',
};

/** The conditions of stopped groups. Apart from the others, because another run kills them: test/dynamodb/groups.test.ts. */
export const groupConditions = {
  /** The group row is as it was when it was read. On a random token, as with aggregates. */
  groupUnchanged: '#token = :seen',
  /** The group has never been stopped. */
  groupAbsent: 'attribute_not_exists(#id)',
};

/**
 * The conditions of leases (effects that no transaction holds) and jobs. Apart from the others, because another mutation run kills
 * them: test/lease/mutation.test.ts.
 */
export const leaseConditions = {
  /** Nobody has claimed the effect yet. */
  leaseAbsent: 'attribute_not_exists(#id)',
  /**
   * The row is as it was when it was judged: same owner, same status, same end. So of several who find a lease expired one takes it
   * over, and none does once its owner has completed or prolonged it.
   */
  leaseAsSeen: '#fence = :seenFence AND #status = :seenStatus AND #end = :seenEnd',
  /** The same of a row that Powertools wrote, which has no fence and not always an end. */
  foreignLeaseAsSeen:
    'attribute_not_exists(#fence) AND #status = :seenStatus AND #expiration = :seenExpiration',
  /** The lease is still the caller's: a zombie's completion, release or renewal is refused. */
  leaseOwned: '#fence = :fence AND #status = :inProgress',
};

/** The conditions of outboxes. Apart from the others, because another mutation run kills them: test/outbox/mutation.test.ts. */
export const outboxConditions = {
  /**
   * A sent mark only ever lengthens the life of a row. It never makes one: of a row that has expired meanwhile a ghost would be left,
   * which the stream then brings as an event without content.
   */
  outboxRowOutlived:
    'attribute_exists(#version) AND (attribute_not_exists(#expiration) OR #expiration < :expiration)',
};

export function receiptAbsent(): Condition {
  return { expression: conditions.receiptAbsent, names: { '#id': 'id' } };
}

/** @param now epoch seconds. */
export function receiptAbsentOrExpired(now: number): Condition {
  return {
    expression: apiConditions.receiptAbsentOrExpired,
    names: { '#id': 'id', '#expiration': 'expiration' },
    values: { ':now': { N: String(now) } },
  };
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

/** @param seen the token that the row had, undefined when there was none. */
export function groupUnchanged(seen: string | undefined): Condition {
  if (seen === undefined) return { expression: groupConditions.groupAbsent, names: { '#id': 'id' } };
  return {
    expression: groupConditions.groupUnchanged,
    names: { '#token': 'token' },
    values: { ':seen': { S: seen } },
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

/** Unsent rows of one shard of an outbox's index, oldest first. The rows themselves are read again before anything rests on it. */
export function unsentQuery(shard: string) {
  return {
    IndexName: 'unsent',
    KeyConditionExpression: '#unsent = :shard',
    ExpressionAttributeNames: { '#unsent': 'unsent' },
    ExpressionAttributeValues: { ':shard': { S: shard } },
  };
}

/** The rows of the index `attention` under one heading, oldest first. No guarantee rests on it: it only finds what a person looks for. */
export function attentionQuery(heading: string) {
  return {
    IndexName: 'attention',
    KeyConditionExpression: '#attention = :heading',
    ExpressionAttributeNames: { '#attention': 'attention' },
    ExpressionAttributeValues: { ':heading': { S: heading } },
  };
}

export function leaseAbsent(): Condition {
  return { expression: leaseConditions.leaseAbsent, names: { '#id': 'id' } };
}

/** @param seen the row as it was read; `fence` undefined for a row of Powertools. Times as they are stored. */
export function leaseAsSeen(seen: {
  readonly fence: string | undefined;
  readonly status: string;
  readonly endsAt: number;
  readonly expiration: number;
}): Condition {
  const seenStatus = { ':seenStatus': { S: seen.status } };
  if (seen.fence === undefined)
    return {
      expression: leaseConditions.foreignLeaseAsSeen,
      names: { '#fence': 'fence', '#status': 'status', '#expiration': 'expiration' },
      values: { ...seenStatus, ':seenExpiration': { N: String(seen.expiration) } },
    };
  return {
    expression: leaseConditions.leaseAsSeen,
    names: { '#fence': 'fence', '#status': 'status', '#end': 'in_progress_expiration' },
    values: { ...seenStatus, ':seenFence': { S: seen.fence }, ':seenEnd': { N: String(seen.endsAt) } },
  };
}

export function leaseOwned(fence: string): Condition {
  return {
    expression: leaseConditions.leaseOwned,
    names: { '#fence': 'fence', '#status': 'status' },
    values: { ':fence': { S: fence }, ':inProgress': { S: 'INPROGRESS' } },
  };
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

/** DynamoDB: an expression has at most 4 KB. */
export const maxExpressionBytes = 4096;

/** The parameters that make a read return these attributes only; none, and so all of them, where their list would be too long. */
export function projection(attributes: readonly string[]): {
  ProjectionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
} {
  const ids = attributes.map((_, i) => `#a${i.toString(36)}`);
  const ProjectionExpression = ids.join();
  if (ProjectionExpression.length > maxExpressionBytes) return {};
  return {
    ProjectionExpression,
    ExpressionAttributeNames: Object.fromEntries(ids.map((id, i) => [id, attributes[i] ?? ''])),
  };
}

/** @param version undefined: the aggregate has none. */
export function versionIs(version: bigint | undefined): Condition {
  const names = { '#xoVersion': 'version' };
  if (version === undefined) return { expression: conditions.versionAbsent, names };
  return {
    expression: conditions.versionUnchanged,
    names,
    values: { ':xoVersion': { N: String(version) } },
  };
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

/** The parameters of a query for what is listed under one name in the index `attention`. It finds rows; no guarantee rests on it. */
export function attentionIs(name: string): {
  KeyConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Record<string, AttributeValue>;
} {
  return {
    KeyConditionExpression: '#attention = :attention',
    ExpressionAttributeNames: { '#attention': 'attention' },
    ExpressionAttributeValues: { ':attention': { S: name } },
  };
}

/** The parameters of a conditional write. A failed one brings the item back: it tells our own write from a stranger's (R12). */
export function conditional(condition: Condition | undefined): {
  ConditionExpression?: string;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
} {
  if (condition === undefined) return {};
  return { ConditionExpression: condition.expression, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
}

/** The condition of events that are parked in rows of their own. Apart from the others, because another run kills it. */
export const earlyConditions = {
  /** Nothing is kept of this version; what was, and is done with, may be replaced. Two payloads of one version never are. */
  earlyAbsent: 'attribute_not_exists(#carried)',
};

export function earlyAbsent(): Condition {
  return { expression: earlyConditions.earlyAbsent, names: { '#carried': 'carried' } };
}
