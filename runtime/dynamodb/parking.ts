import { randomUUID } from 'node:crypto';
import {
  BatchGetItemCommand,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { attemptsExpiration, attemptsId } from './notes.js';
import { conditional, groupUnchanged } from './conditions.js';
import { CommitFailed, TooLargeToPark } from '../dedup/errors.js';
import {
  groupId,
  groupItem,
  holeId,
  holesHeading,
  parkingId,
  readGroupRow,
  type GroupHead,
  type GroupPlace,
  type GroupRow,
} from './groups-row.js';
import type { Meter } from '../dedup/meter.js';
import { nowSeconds, rowVersion } from './receipt.js';

/** A message as text, with its SQS message id. */
export interface ParkedMessage {
  readonly messageId: string;
  readonly text: string;
}

/** DynamoDB: 400 KB an item. */
const maxBytes = 390 * 1024;
/** Messages that are drained at a time. */
export const drainSize = 10;

/** @throws TooLargeToPark when the message does not fit into a parking row. */
export function assertParkable({ messageId, text }: ParkedMessage): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new TooLargeToPark(messageId, bytes, maxBytes);
}

/**
 * Groups that are stopped, and the messages that wait behind them. Every change is one transaction of the group row, under the token
 * of the change before, and of the rows of messages: so nothing is parked into a group that flows again, and none is drained twice in a
 * row's name. Rows are never deleted by it.
 *
 * Every method throws {@link CommitFailed} when somebody else has changed the group meanwhile, or whatever the SDK throws: then
 * nothing may be acknowledged.
 */
export class GroupStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly consumerName: string,
  ) {}

  async read(stream: string, meter: Meter): Promise<GroupRow | undefined> {
    meter.call();
    const { Item, ConsumedCapacity } = await this.client.send(
      new GetItemCommand({
        TableName: this.tableName,
        Key: { id: { S: groupId(this.consumerName, stream) } },
        ConsistentRead: true,
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.read(ConsumedCapacity && [ConsumedCapacity]);
    return Item && readGroupRow(Item);
  }

  /** Stops a group at a message, which becomes the first of its parking rows. */
  async stop(
    seen: GroupRow | undefined,
    place: GroupPlace,
    head: GroupHead,
    reason: string,
    message: ParkedMessage,
    meter: Meter,
  ): Promise<GroupRow> {
    const { parked = 0 } = seen ?? {};
    const next = { ...place, ...stopped(head, reason), parked: parked + 1, drained: parked };
    return this.#write(seen, next, this.#parkingRows(place.stream, parked, [message]), meter);
  }

  /** Stops a group once more, while it is drained: at one of its parked messages. */
  async stopAt(seen: GroupRow, n: number, head: GroupHead, reason: string, meter: Meter): Promise<GroupRow> {
    const next = { ...seen, ...stopped(head, reason), drained: n - 1 };
    return this.#write(seen, next, this.#drainedRows(seen, n - 1), meter);
  }

  async park(seen: GroupRow, messages: readonly ParkedMessage[], meter: Meter): Promise<GroupRow> {
    const next = { ...seen, parked: seen.parked + messages.length };
    return this.#write(seen, next, this.#parkingRows(seen.stream, seen.parked, messages), meter);
  }

  /** The next messages to be tried again, in order; each as text. */
  async next({ stream, drained, parked }: GroupRow, meter: Meter): Promise<string[]> {
    const count = Math.min(drainSize, parked - drained);
    const ids = Array.from({ length: count }, (_, i) =>
      parkingId(this.consumerName, stream, drained + 1 + i),
    );
    meter.call();
    const { Responses, ConsumedCapacity } = await this.client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [this.tableName]: { Keys: ids.map((id) => ({ id: { S: id } })), ConsistentRead: true },
        },
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.read(ConsumedCapacity);
    const texts = new Map(Responses?.[this.tableName]?.map(({ id, record }) => [id?.S, record?.S]));
    const found: string[] = [];
    // DynamoDB answers in any order, and may leave out what is too much at once: only an unbroken beginning is in order.
    for (const id of ids) {
      const text = texts.get(id);
      if (text === undefined) break;
      found.push(text);
    }
    if (found.length === 0) throw new CommitFailed(`parking row '${ids[0] ?? ''}' is not there`);
    return found;
  }

  /** The next `count` messages are done with. */
  async advance(seen: GroupRow, count: number, meter: Meter): Promise<GroupRow> {
    const drained = seen.drained + count;
    return this.#write(seen, { ...seen, drained }, this.#drainedRows(seen, drained), meter);
  }

  /** The head is passed over: it stays listed as a hole for `retentionSeconds`, and the group goes on behind it. */
  async passOver(seen: GroupRow, retentionSeconds: number, meter: Meter): Promise<GroupRow> {
    const drained = seen.drained + 1;
    const { stream, head, reason, decision } = seen;
    const hole = {
      id: holeId(this.consumerName, stream, drained),
      v: rowVersion,
      attention: holesHeading(this.consumerName),
      since: new Date().toISOString(),
      stream,
      head,
      reason,
      decision,
      expiration: nowSeconds() + retentionSeconds,
    };
    const put = { Put: { TableName: this.tableName, Item: marshall(hole, { removeUndefinedValues: true }) } };
    const next = { ...seen, state: 'resuming' as const, drained };
    return this.#write(seen, next, [put, ...this.#drainedRows(seen, drained)], meter);
  }

  /** Nothing waits any more, or the head has acted in another way: the group flows again. */
  async open(seen: GroupRow, meter: Meter): Promise<GroupRow> {
    const next = { ...seen, state: 'open' as const, drained: seen.parked };
    return this.#write(seen, next, this.#drainedRows(seen, seen.parked), meter);
  }

  /** Somebody has decided. */
  async decide(
    seen: GroupRow,
    state: 'resuming' | 'skipping',
    decision: string,
    meter: Meter,
  ): Promise<GroupRow> {
    return this.#write(seen, { ...seen, state, decision }, [], meter);
  }

  #parkingRows(stream: string, before: number, messages: readonly ParkedMessage[]): TransactWriteItem[] {
    return messages.flatMap((message, i) => {
      assertParkable(message);
      const { messageId, text } = message;
      const id = { S: parkingId(this.consumerName, stream, before + 1 + i) };
      const mark = { S: attemptsId(this.consumerName, messageId) };
      return [
        {
          Put: {
            TableName: this.tableName,
            Item: { id, v: { N: String(rowVersion) }, record: { S: text } },
          },
        },
        // Its delivery may not be acknowledged in time: what comes again must not be parked again.
        {
          Update: {
            TableName: this.tableName,
            Key: { id: mark },
            UpdateExpression: 'SET parked = :n, expiration = :expiration',
            ExpressionAttributeValues: {
              ':n': { N: String(before + 1 + i) },
              ':expiration': attemptsExpiration(),
            },
          },
        },
      ];
    });
  }

  /** A drained row has no payload any more, and expires. */
  #drainedRows({ stream, drained }: GroupRow, until: number): TransactWriteItem[] {
    return Array.from({ length: until - drained }, (_, i) => ({
      Update: {
        TableName: this.tableName,
        Key: { id: { S: parkingId(this.consumerName, stream, drained + 1 + i) } },
        UpdateExpression: 'SET expiration = :now REMOVE #record',
        ExpressionAttributeNames: { '#record': 'record' },
        ExpressionAttributeValues: { ':now': { N: String(nowSeconds()) } },
      },
    }));
  }

  async #write(
    seen: GroupRow | undefined,
    next: Omit<GroupRow, 'token'>,
    rows: readonly TransactWriteItem[],
    meter: Meter,
  ): Promise<GroupRow> {
    const row = { ...next, token: randomUUID() };
    const condition = groupUnchanged(seen?.token);
    const put = {
      TableName: this.tableName,
      Item: groupItem(this.consumerName, row),
      ExpressionAttributeNames: { ...condition.names },
      ExpressionAttributeValues: condition.values && { ...condition.values },
      ...conditional(condition),
    };
    try {
      meter.call();
      const { ConsumedCapacity } = await this.client.send(
        new TransactWriteItemsCommand({
          TransactItems: [{ Put: put }, ...rows],
          ClientRequestToken: row.token,
          ReturnConsumedCapacity: 'TOTAL',
        }),
      );
      meter.write(ConsumedCapacity);
    } catch (cause) {
      if (!(cause instanceof TransactionCanceledException)) throw cause;
      // The answer was lost and the SDK sent it again: what stands in the way is our own (R12).
      if (cause.CancellationReasons?.[0]?.Item?.token?.S !== row.token)
        throw new CommitFailed(`group '${next.stream}' was changed meanwhile`, { cause });
    }
    return row;
  }
}

function stopped(head: GroupHead, reason: string) {
  return { state: 'stopped' as const, head, reason, since: new Date().toISOString(), decision: undefined };
}
