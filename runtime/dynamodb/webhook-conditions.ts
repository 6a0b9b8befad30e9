import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { allOf } from './commit-conditions.js';
import type { Condition } from './condition.js';

/**
 * The conditions of webhooks that are sent. The mutation run that kills them: test/webhook/sender/mutation.test.ts.
 */
export const webhookConditions = {
  /** Nobody has put this row yet: an endpoint of that name, a delivery of that event. */
  webhookRowAbsent: 'attribute_not_exists(#pk)',
  /** A change never makes a row: of one that has expired a ghost would be left. */
  webhookRowThere: 'attribute_exists(#pk)',
  /** Nobody has changed the endpoint's secrets since they were read: a new one is added to those. */
  secretsAsSeen: '#secrets = :seenSecrets',
  /** The delivery is as it was when it was sent: a zombie says nothing about it any more. */
  deliveryAsSeen: '#state = :waiting AND #sends = :seenSends',
  /** A success counts whoever saw it, once. */
  deliveryNotDone: 'attribute_exists(#pk) AND #state <> :delivered',
  /** Nobody sends for the shard, or whoever did has been silent until past the end of its lease. */
  shardFree: 'attribute_not_exists(#until) OR #until < :now',
  /** The shard is still the caller's. */
  shardMine: '#owner = :owner',
  /** And nobody has asked meanwhile to look again. */
  shardQuiet: '#owner = :owner AND #poke = :seenPoke',
  /** It is put up again by one operator, and not while it is on its way. */
  deliveryNotWaiting: '#state <> :waiting AND #sends = :seenSends',
  /** Nobody has put it up since a person saw it: a form that is sent twice acts once. */
  deliveryNotReplayed: '#replays = :seenReplays',
  /** Nothing has joined the lane since it was read. */
  laneUnchanged: '#next = :seenNext',
  /** The same of a lane that nothing has ever joined. */
  laneNew: 'attribute_not_exists(#next)',
  /** And it is still in the index: whoever joins need not put it there. Or still not, and he has to. */
  laneAwake: 'attribute_exists(#dueIn)',
  laneAsleep: 'attribute_not_exists(#dueIn)',
};

const pk = { '#pk': 'pk' };

export function webhookRowAbsent(): Condition {
  return { expression: webhookConditions.webhookRowAbsent, names: pk };
}

export function webhookRowThere(): Condition {
  return { expression: webhookConditions.webhookRowThere, names: pk };
}

/** @param secrets as they are stored */
export function secretsAsSeen(secrets: { readonly ':seenSecrets'?: AttributeValue }): Condition {
  return {
    expression: webhookConditions.secretsAsSeen,
    names: { '#secrets': 'secrets' },
    values: { ...secrets },
  };
}

export function deliveryAsSeen(sends: number): Condition {
  return {
    expression: webhookConditions.deliveryAsSeen,
    names: { '#state': 'state', '#sends': 'sends' },
    values: { ':waiting': { S: 'waiting' }, ':seenSends': { N: String(sends) } },
  };
}

export function deliveryNotDone(): Condition {
  return {
    expression: webhookConditions.deliveryNotDone,
    names: { ...pk, '#state': 'state' },
    values: { ':delivered': { S: 'delivered' } },
  };
}

/** @param now epoch milliseconds, less how far clocks may differ. */
export function shardFree(now: number): Condition {
  return {
    expression: webhookConditions.shardFree,
    names: { '#until': 'until' },
    values: { ':now': { N: String(now) } },
  };
}

export function shardMine(owner: string): Condition {
  return {
    expression: webhookConditions.shardMine,
    names: { '#owner': 'owner' },
    values: { ':owner': { S: owner } },
  };
}

export function shardQuiet(owner: string, poke: number): Condition {
  return {
    expression: webhookConditions.shardQuiet,
    names: { '#owner': 'owner', '#poke': 'poke' },
    values: { ':owner': { S: owner }, ':seenPoke': { N: String(poke) } },
  };
}

export function laneUnchanged(next: number): Condition {
  return {
    expression: webhookConditions.laneUnchanged,
    names: { '#next': 'next' },
    values: { ':seenNext': { N: String(next) } },
  };
}

export function deliveryNotWaiting(sends: number): Condition {
  return { ...deliveryAsSeen(sends), expression: webhookConditions.deliveryNotWaiting };
}

/** @param replays as whoever asks has seen it */
export function deliveryNotReplayed(replays: number): Condition {
  return {
    expression: webhookConditions.deliveryNotReplayed,
    names: { '#replays': 'replays' },
    values: { ':seenReplays': { N: String(replays) } },
  };
}

/** @param next undefined: there was no lane */
export function laneAsSeen(next: number | undefined, awake: boolean): Condition {
  const unchanged =
    next === undefined
      ? { expression: webhookConditions.laneNew, names: { '#next': 'next' } }
      : laneUnchanged(next);
  const expression = awake ? webhookConditions.laneAwake : webhookConditions.laneAsleep;
  return allOf([unchanged, { expression, names: { '#dueIn': 'dueIn' } }]) ?? unchanged;
}

/** What of a shard is due, the longest first. @param until epoch milliseconds */
export function dueQuery(shard: string, from: number, until: number) {
  return {
    IndexName: 'due',
    KeyConditionExpression: '#dueIn = :shard AND #dueAt BETWEEN :from AND :until',
    ExpressionAttributeNames: { '#dueIn': 'dueIn', '#dueAt': 'dueAt' },
    ExpressionAttributeValues: {
      ':shard': { S: shard },
      ':from': { N: String(from) },
      ':until': { N: String(until) },
    },
  };
}

/** Rows of one partition, from a sort key on (it included). */
export function partitionQuery(pk: string, from?: string) {
  return {
    KeyConditionExpression: from === undefined ? '#pk = :pk' : '#pk = :pk AND #sk >= :from',
    ExpressionAttributeNames: { '#pk': 'pk', ...(from === undefined ? {} : { '#sk': 'sk' }) },
    ExpressionAttributeValues: { ':pk': { S: pk }, ...(from === undefined ? {} : { ':from': { S: from } }) },
  };
}
