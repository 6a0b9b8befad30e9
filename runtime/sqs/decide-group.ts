import type { SQSClient } from '@aws-sdk/client-sqs';
import { GroupNotStopped } from '../dedup/errors.js';
import type { Group } from '../dedup/group.js';
import type { Limits } from '../dedup/limits.js';
import { operatorLimits } from '../dedup/operator-limits.js';
import { nudge } from './nudge.js';

/** Somebody's decision about a stopped group. */
export interface Decision {
  readonly consumerName: string;
  readonly stream: string;
  /** Kept in the group's row, and in the hole's. */
  readonly reason: string;
}

/** Where the groups of one consumer are kept. */
export interface DecidableGroups {
  read(stream: string, limits: Limits): Promise<Group | undefined>;
  decide(seen: Group, state: 'resuming' | 'skipping', reason: string, limits: Limits): Promise<Group>;
}

/**
 * Writes a decision down, and tells the consumer. May be called again when that message got lost.
 *
 * @throws GroupNotStopped when the group flows, or the other decision is under way.
 */
export async function decideGroup(
  store: DecidableGroups,
  sqs: SQSClient,
  { consumerName, stream, reason }: Decision,
  state: 'resuming' | 'skipping',
): Promise<Group> {
  const row = await store.read(stream, operatorLimits());
  assertDecidable(row, { consumerName, stream }, state);
  const decided = row.state === state ? row : await store.decide(row, state, reason, operatorLimits());
  await nudge(sqs, decided);
  return decided;
}

/**
 * The consumer makes `resuming` of `skipping` once the head is passed over: a second call for the rest is a resume.
 *
 * @throws GroupNotStopped when the group flows, or the other decision is under way.
 */
export function assertDecidable<G extends Pick<Group, 'state'>>(
  group: G | undefined,
  { consumerName, stream }: Pick<Decision, 'consumerName' | 'stream'>,
  state: 'resuming' | 'skipping',
): asserts group is G {
  if (group?.state !== 'stopped' && group?.state !== state)
    throw new GroupNotStopped(consumerName, stream, group?.state ?? 'open');
}
