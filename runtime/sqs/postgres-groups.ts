import { randomUUID } from 'node:crypto';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { GroupNotStopped } from '../dedup/errors.js';
import type { Group } from '../dedup/group.js';
import { Meter } from '../dedup/meter.js';
import type { PostgresPool } from '../postgres/client.js';
import { PostgresGroupStore } from '../postgres/group-store.js';
import type { Decision } from './decide.js';
import { resumeAttribute } from './message-attributes.js';

/** An operator's command waits this long for Postgres. */
const operatorMs = 30_000;
const operatorLimits = () => ({ deadline: Date.now() + operatorMs, meter: new Meter() });

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
  { consumerName, stream, reason }: Decision,
  state: 'resuming' | 'skipping',
): Promise<Group> {
  const store = new PostgresGroupStore(pool, consumerName);
  const row = await store.read(stream, operatorLimits());
  // The consumer makes `resuming` of `skipping` once the head is passed over: a second call for the rest is a resume.
  if (row?.state !== 'stopped' && row?.state !== state)
    throw new GroupNotStopped(consumerName, stream, row?.state ?? 'open');
  const decided = row.state === state ? row : await store.decide(row, state, reason, operatorLimits());
  const [, , , , QueueOwnerAWSAccountId, QueueName] = decided.queueArn.split(':');
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
  // Into the group, so that a consumer has a reason to look. Lost or doubled it does no harm.
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: '{}',
      MessageGroupId: decided.group,
      MessageDeduplicationId: QueueName?.endsWith('.fifo') === true ? randomUUID() : undefined,
      MessageAttributes: { [resumeAttribute]: { DataType: 'String', StringValue: stream } },
    }),
  );
  return decided;
}
