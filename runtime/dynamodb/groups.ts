import { GetItemCommand, paginateQuery, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { randomUUID } from 'node:crypto';
import { attentionQuery } from './conditions.js';
import { GroupNotStopped } from '../dedup/errors.js';
import { holesHeading, readGroupRow, type GroupHead, type GroupRow } from './groups-row.js';
import { resumeAttribute } from '../sqs/message-attributes.js';
import { Meter } from '../dedup/meter.js';
import { GroupStore } from './parking.js';

/** The dedup table of a consumer, with its index `attention`. */
export interface FailureTable {
  readonly client: DynamoDBClient;
  readonly tableName: string;
}

/** A group that is stopped, or on its way back. See {@link GroupRow} for what each field says. */
export interface StoppedGroup extends Omit<GroupRow, 'token' | 'state'> {
  readonly consumerName: string;
  readonly state: 'stopped' | 'resuming' | 'skipping';
}

/** A message that was passed over when its group went on. Its dead letter may be redriven, and then acts once. */
export interface Hole extends GroupHead {
  readonly consumerName: string;
  readonly stream: string;
  /** Why its group had stopped. */
  readonly reason: string;
  /** What the person gave as the reason to pass it over. */
  readonly decision: string;
  /** ISO 8601 time at which it was passed over. */
  readonly at: string;
}

/** Somebody's decision about a stopped group. */
export interface Decision {
  readonly consumerName: string;
  readonly stream: string;
  /** Kept in the group's row, and in the hole's. */
  readonly reason: string;
}

/** The stopped groups of a consumer, oldest first. From an index, which is behind by up to a second or so. */
export async function* listGroups(
  { client, tableName }: FailureTable,
  consumerName: string,
): AsyncGenerator<StoppedGroup> {
  const query = { TableName: tableName, ...attentionQuery(consumerName) };
  for await (const { Items = [] } of paginateQuery({ client }, query))
    for (const item of Items) {
      const group = stoppedGroup(consumerName, readGroupRow(item));
      if (group !== undefined) yield group;
    }
}

/**
 * The messages of a consumer that were passed over and have no receipt since, oldest first. Ways that keep no receipts cannot tell
 * the latter: there a hole is listed for as long as a receipt would be kept.
 */
export async function* listHoles(
  { client, tableName }: FailureTable,
  consumerName: string,
): AsyncGenerator<Hole> {
  const query = { TableName: tableName, ...attentionQuery(holesHeading(consumerName)) };
  for await (const { Items = [] } of paginateQuery({ client }, query))
    for (const item of Items) {
      const row = unmarshall(item) as Omit<Hole, 'at'> & { head: GroupHead; since: string };
      const { stream, reason, decision, head, since } = row;
      if (head.key !== undefined) {
        const Key = { id: { S: `${consumerName}#${head.key}` } };
        const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }));
        if (Item?.status?.S === 'COMPLETED') continue;
      }
      yield { consumerName, stream, reason, decision, ...head, at: since };
    }
}

/** Undefined when the group flows. */
export async function readGroup(
  { client, tableName }: FailureTable,
  consumerName: string,
  stream: string,
): Promise<StoppedGroup | undefined> {
  const row = await new GroupStore(client, tableName, consumerName).read(stream, new Meter());
  return row && stoppedGroup(consumerName, row);
}

/**
 * Has the consumer try the head of a stopped group again, and then what waits behind it, in order. It stops again at the next message
 * that fails. Returns when the consumer has been told; it may be called again when that message got lost.
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
 * Has the consumer pass over the head of a stopped group, and then drain what waits behind it, in order. The head is listed as a
 * hole; its dead letter may be redriven later and then acts once, after the others.
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
  const meter = new Meter();
  const row = await store.read(stream, meter);
  // The consumer makes `resuming` of `skipping` once the head is passed over: a second call for the rest is a resume.
  if (row?.state !== 'stopped' && row?.state !== state)
    throw new GroupNotStopped(consumerName, stream, row?.state ?? 'open');
  const decided = row.state === state ? row : await store.decide(row, state, reason, meter);
  await nudge(sqs, decided);
  return { ...decided, consumerName, state };
}

/**
 * A message into the group, so that a consumer has a reason to look. Lost or doubled it does no harm. For the stream of an aggregate on a
 * FIFO queue it goes into a group of its own: messages for which there is no room in the aggregate wait in the queue and hold their group,
 * and the order is the aggregate's to keep.
 */
async function nudge(sqs: SQSClient, { queueArn, group, stream, kind }: GroupRow): Promise<void> {
  const fifo = queueArn.endsWith('.fifo');
  const [, , , , QueueOwnerAWSAccountId, QueueName] = queueArn.split(':');
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }));
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: '{}',
      MessageGroupId: fifo && kind === 'aggregate' ? randomUUID() : group,
      MessageDeduplicationId: fifo ? randomUUID() : undefined,
      MessageAttributes: { [resumeAttribute]: { DataType: 'String', StringValue: stream } },
    }),
  );
}

function stoppedGroup(consumerName: string, row: GroupRow): StoppedGroup | undefined {
  const { state } = row;
  return state === 'open' ? undefined : { ...row, consumerName, state };
}
