import type { Condition } from './condition.js';

/**
 * The conditions of leases (effects that no transaction holds) and jobs. Apart from the others, because another
 * mutation run kills them: test/lease/mutation.test.ts.
 */
export const leaseConditions = {
  /** Nobody has claimed the effect yet. */
  leaseAbsent: 'attribute_not_exists(#id)',
  /**
   * The row is as it was when it was judged: same owner, same status, same end. So of several who find a lease
   * expired one takes it over, and none does once its owner has completed or prolonged it.
   */
  leaseAsSeen: '#fence = :seenFence AND #status = :seenStatus AND #end = :seenEnd',
  /** The same of a row that Powertools wrote, which has no fence and not always an end. */
  foreignLeaseAsSeen:
    'attribute_not_exists(#fence) AND #status = :seenStatus AND #expiration = :seenExpiration',
  /** The lease is still the caller's: a zombie's completion, release or renewal is refused. */
  leaseOwned: '#fence = :fence AND #status = :inProgress',
};

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
