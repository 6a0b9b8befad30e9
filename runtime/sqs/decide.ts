import { randomUUID } from 'node:crypto';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { GroupNotStopped } from '../dedup/errors.js';
import type { Group } from '../dedup/group.js';
import { GroupStore } from '../dynamodb/group-store.js';
import { operatorLimits, type FailureTable, type StoppedGroup } from '../dynamodb/groups.js';
import type { PassOver } from '../consumer/transport.js';
import { passOverAttribute, resumeAttribute } from './message-attributes.js';

/** Somebody's decision about a stopped group. */
export interface Decision {
  readonly consumerName: string;
  readonly stream: string;
  /** Kept in the group's row, and in the hole's. */
  readonly reason: string;
}

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
  { consumerName, stream, reason }: Decision,
  state: 'resuming' | 'skipping',
): Promise<StoppedGroup> {
  const store = new GroupStore(client, tableName, consumerName);
  const row = await store.read(stream, operatorLimits());
  // The consumer makes `resuming` of `skipping` once the head is passed over: a second call for the rest is a resume.
  if (row?.state !== 'stopped' && row?.state !== state)
    throw new GroupNotStopped(consumerName, stream, row?.state ?? 'open');
  const decided = row.state === state ? row : await store.decide(row, state, reason, operatorLimits());
  await nudge(sqs, decided);
  return { ...decided, consumerName, state };
}

/**
 * A message into the group, so that a consumer has a reason to look. Lost or doubled it does no harm. For the stream
 * of an aggregate on a FIFO queue it goes into a group of its own: messages for which there is no room in the
 * aggregate wait in the queue and hold their group, and the order is the aggregate's to keep.
 */
async function nudge(sqs: SQSClient, { queueArn, group, stream, kind }: Group): Promise<void> {
  const [, , , , QueueOwnerAWSAccountId, QueueName] = queueArn.split(':');
  const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
  await sendNudge(sqs, QueueUrl, resumeAttribute, stream, kind === 'aggregate' ? undefined : group);
}

async function sendNudge(
  sqs: SQSClient,
  QueueUrl: string,
  attribute: string,
  value: string,
  group?: string,
): Promise<void> {
  const fifo = QueueUrl.endsWith('.fifo');
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: '{}',
      MessageGroupId: fifo ? (group ?? randomUUID()) : group,
      MessageDeduplicationId: fifo ? randomUUID() : undefined,
      MessageAttributes: { [attribute]: { DataType: 'String', StringValue: value } },
    }),
  );
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
