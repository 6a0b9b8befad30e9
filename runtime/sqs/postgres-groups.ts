import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Group } from '../dedup/group.js';
import { operatorLimits } from '../dedup/operator-limits.js';
import type { PostgresPool } from '../postgres/client.js';
import { PostgresGroupStore } from '../postgres/group-store.js';
import type { PassOver } from '../consumer/transport.js';
import { decideGroup, type Decision } from './decide-group.js';
import { passOverAttribute } from './message-attributes.js';
import { sendNudge } from './nudge.js';

/** The groups of a consumer that stand still, or are on their way back, oldest first. */
export async function listPostgresGroups(
  pool: PostgresPool,
  consumerName: string,
): Promise<readonly Group[]> {
  return new PostgresGroupStore(pool, consumerName).list(operatorLimits());
}

/**
 * Has the consumer go on with a stopped group: `resuming` tries its head again, `skipping` passes over it, and then
 * what waits behind it is handled in order. Returns when the consumer has been told; it may be called again when that
 * message got lost.
 *
 * @throws GroupNotStopped when the group flows, or the other is under way.
 */
export async function decidePostgresGroup(
  pool: PostgresPool,
  sqs: SQSClient,
  decision: Decision,
  state: 'resuming' | 'skipping',
): Promise<Group> {
  return decideGroup(new PostgresGroupStore(pool, decision.consumerName), sqs, decision, state);
}

/**
 * Has the consumer of a queue go on behind a version that does not come: one that `listPostgresGaps` lists. It
 * becomes a hole: should the version come after all, it acts once. Returns when the consumer has been told.
 */
export async function passOverPostgresVersion(
  sqs: SQSClient,
  queueUrl: string,
  { consumerName, stream, sequence }: PassOver,
): Promise<void> {
  const told = JSON.stringify({ consumerName, stream, sequence } satisfies PassOver);
  await sendNudge(sqs, queueUrl, passOverAttribute, told);
}
