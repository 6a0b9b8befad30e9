import type { SQSClient } from '@aws-sdk/client-sqs';
import type { PassOver } from '../consumer/transport.js';
import { GroupStore } from '../dynamodb/group-store.js';
import type { FailureTable, StoppedGroup } from '../dynamodb/groups.js';
import { decideGroup, type Decision } from './decide-group.js';
import { passOverAttribute } from './message-attributes.js';
import { sendNudge } from './nudge.js';

export type { Decision } from './decide-group.js';

/**
 * Has the consumer try the head of a stopped group again, and then what waits behind it, in order. It stops again at
 * the next message that fails. Returns when the consumer has been told; it may be called again when that message got
 * lost.
 *
 * @throws GroupNotStopped when the group flows, or its head is being skipped.
 */
export async function resumeGroup(
  table: FailureTable,
  sqs: SQSClient,
  decision: Decision,
): Promise<StoppedGroup> {
  return decide(table, sqs, decision, 'resuming');
}

/**
 * Has the consumer pass over the head of a stopped group, and then drain what waits behind it, in order. The head is
 * listed as a hole; its dead letter may be redriven later and then acts once, after the others.
 *
 * @throws GroupNotStopped when the group flows, or is being resumed.
 */
export async function skipHead(
  table: FailureTable,
  sqs: SQSClient,
  decision: Decision,
): Promise<StoppedGroup> {
  return decide(table, sqs, decision, 'skipping');
}

async function decide(
  { client, tableName }: FailureTable,
  sqs: SQSClient,
  decision: Decision,
  state: 'resuming' | 'skipping',
): Promise<StoppedGroup> {
  const { consumerName } = decision;
  const store = new GroupStore(client, tableName, consumerName);
  return { ...(await decideGroup(store, sqs, decision, state)), consumerName, state };
}

/**
 * Has the consumer of a queue go on behind a version that does not come: one that `listGaps` lists. It becomes a
 * hole: should the version come after all, it acts once. Returns when the consumer has been told; a nudge that is
 * lost or doubled does no harm, and in the queue of another consumer it is reported, and nothing else.
 */
export async function passOverVersion(sqs: SQSClient, queueUrl: string, gap: PassOver): Promise<void> {
  const { consumerName, stream, sequence } = gap;
  const told = JSON.stringify({ consumerName, stream, sequence } satisfies PassOver);
  await sendNudge(sqs, queueUrl, passOverAttribute, told);
}
