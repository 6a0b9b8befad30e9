import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type AttributeValue,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { CommitFailed } from '../dedup/errors.js';
import type { Gate, GroupStore as GroupStorePort } from '../dedup/failure-store.js';
import type { Group, GroupHead, GroupPlace, PackedMessage } from '../dedup/group.js';
import type { Limits } from '../dedup/limits.js';
import { conditional, groupUnchanged } from './conditions.js';
import {
  gateId,
  groupId,
  groupItem,
  holeId,
  holesHeading,
  parkingId,
  readGateRow,
  readGroupRow,
} from './group-row.js';
import { historyExpiration, historyId } from './history-row.js';
import { readRows } from './batch-get.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { send } from './send.js';
import { partsOf } from './text-parts.js';

/** Messages that are drained at a time. */
const drainSize = 10;
/** DynamoDB: 100 actions and 4 MB in one transaction; the group's own rows take some of both. */
const maxRows = 90;
const maxBytes = 3.5 * 1024 * 1024;

/** What is written of one message that waits. */
interface ParkedRows {
  readonly rows: readonly TransactWriteItem[];
  readonly bytes: number;
}

/**
 * Groups that are stopped, in the dedup table: a row for each group, and rows for the messages that wait. Rows are
 * never deleted by it.
 */
export class GroupStore implements GroupStorePort {
  /** Parts of the messages that `next` has read, by the id of their first row. */
  readonly #parts = new Map<string, number>();
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consumerName = consumerName;
  }

  async readGate(limits: Limits): Promise<Gate | undefined> {
    const item = await this.#get(gateId(this.#consumerName), limits);
    return item && readGateRow(item);
  }

  async writeGate(gate: Gate, how: 'if-none' | 'over', limits: Limits): Promise<boolean> {
    const condition = how === 'if-none' ? groupUnchanged(undefined) : undefined;
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: marshall({ id: gateId(this.#consumerName), v: rowVersion, ...gate }),
      ExpressionAttributeNames: condition && { ...condition.names },
      ...conditional(condition),
      ReturnConsumedCapacity: 'TOTAL',
    });
    try {
      await send(this.#client, put, limits, 'write');
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async read(stream: string, limits: Limits): Promise<Group | undefined> {
    const item = await this.#get(groupId(this.#consumerName, stream), limits);
    return item && readGroupRow(item);
  }

  async stop(
    seen: Group | undefined,
    place: GroupPlace,
    at: { readonly head: GroupHead; readonly reason: string; readonly message: PackedMessage },
    limits: Limits,
  ): Promise<Group> {
    const { parked = 0 } = seen ?? {};
    const next = { ...place, ...stopped(at), parked: parked + 1, drained: parked };
    return this.#write(seen, next, this.#parkedRows(place.stream, parked + 1, at.message).rows, limits);
  }

  async stopAt(
    seen: Group,
    nth: number,
    at: { readonly head: GroupHead; readonly reason: string },
    limits: Limits,
  ): Promise<Group> {
    const drained = seen.drained + nth - 1;
    return this.#write(seen, { ...seen, ...stopped(at), drained }, this.#drainedRows(seen, drained), limits);
  }

  async park(seen: Group, messages: readonly PackedMessage[], limits: Limits): Promise<Group> {
    let group = seen;
    let open: ParkedRows[] = [];
    const flush = async () => {
      const parked = group.parked + open.length;
      const rows = open.flatMap((one) => one.rows);
      if (open.length > 0) group = await this.#write(group, { ...group, parked }, rows, limits);
      open = [];
    };
    const sum = (of: (one: ParkedRows) => number) => open.reduce((total, one) => total + of(one), 0);
    for (const message of messages) {
      const number = () => group.parked + open.length + 1;
      let next = this.#parkedRows(seen.stream, number(), message);
      if (
        sum(({ rows }) => rows.length) + next.rows.length > maxRows ||
        sum(({ bytes }) => bytes) + next.bytes > maxBytes
      ) {
        await flush();
        next = this.#parkedRows(seen.stream, number(), message);
      }
      open.push(next);
    }
    await flush();
    return group;
  }

  async next({ stream, drained, parked }: Group, limits: Limits): Promise<readonly string[]> {
    const count = Math.min(drainSize, parked - drained);
    const numbers = Array.from({ length: count }, (_, i) => drained + 1 + i);
    const idOf = (n: number, part = 1) => parkingId(this.#consumerName, stream, n, part);
    const { rows, unread } = await this.#rows(
      numbers.map((n) => idOf(n)),
      limits,
    );
    const texts: string[] = [];
    let bytes = 0;
    // Only an unbroken beginning is in order: what is left unread or is not there ends it. So does what is too much
    // for the one transaction in which all of it will be written off: DynamoDB counts the rows as they were.
    for (const n of numbers) {
      const row = rows.get(idOf(n));
      const text = row?.record?.S;
      if (text === undefined) break;
      const parts = Number(row?.parts?.N ?? 1);
      this.#parts.set(idOf(n), parts);
      const ids = Array.from({ length: parts - 1 }, (_, i) => idOf(n, i + 2));
      const more = await this.#rows(ids, limits);
      const rest = ids.map((id) => more.rows.get(id)?.record?.S);
      if (rest.includes(undefined)) break;
      const whole = [text, ...rest].join('');
      bytes += Buffer.byteLength(whole);
      if (texts.length > 0 && bytes > maxBytes) break;
      texts.push(whole);
    }
    if (texts.length === 0)
      throw new CommitFailed(
        `parking row ${drained + 1} of a group ${unread.size > 0 ? 'was not answered' : 'is not there'}`,
      );
    return texts;
  }

  async advance(seen: Group, count: number, limits: Limits): Promise<Group> {
    const drained = seen.drained + count;
    return this.#write(seen, { ...seen, drained }, this.#drainedRows(seen, drained), limits);
  }

  async passOver(seen: Group, retentionSeconds: number, limits: Limits): Promise<Group> {
    const drained = seen.drained + 1;
    const { stream, head, reason, decision } = seen;
    const hole = {
      id: holeId(this.#consumerName, stream, drained),
      v: rowVersion,
      attention: holesHeading(this.#consumerName),
      since: new Date().toISOString(),
      stream,
      head,
      reason,
      decision,
      expiration: nowSeconds() + retentionSeconds,
    };
    const put = {
      Put: { TableName: this.#tableName, Item: marshall(hole, { removeUndefinedValues: true }) },
    };
    const next = { ...seen, state: 'resuming' as const, drained };
    return this.#write(seen, next, [put, ...this.#drainedRows(seen, drained)], limits);
  }

  async open(seen: Group, limits: Limits): Promise<Group> {
    // Whoever opens a group at which much still waits has found that its head acted: those rows are done as well.
    // They are written off before it is open, as many at a time as one transaction takes: nobody looks at them later.
    for (let group = seen; ;) {
      const count = group.drained < group.parked ? (await this.next(group, limits)).length : 0;
      const drained = group.drained + count;
      const state = drained === group.parked ? 'open' : group.state;
      group = await this.#write(
        group,
        { ...group, state, drained },
        this.#drainedRows(group, drained),
        limits,
      );
      if (state === 'open') return group;
    }
  }

  async decide(
    seen: Group,
    state: 'resuming' | 'skipping',
    decision: string,
    limits: Limits,
  ): Promise<Group> {
    return this.#write(seen, { ...seen, state, decision }, [], limits);
  }

  async #get(id: string, limits: Limits) {
    const { Item } = await send(
      this.#client,
      new GetItemCommand({
        TableName: this.#tableName,
        Key: { id: { S: id } },
        ConsistentRead: true,
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'read',
    );
    return Item;
  }

  async #rows(ids: readonly string[], limits: Limits) {
    return readRows(this.#client, this.#tableName, ids, limits);
  }

  #parkedRows(stream: string, n: number, { messageId, text }: PackedMessage): ParkedRows {
    const parts = partsOf(text);
    const rows = parts.map((part, i) => {
      const id = { S: parkingId(this.#consumerName, stream, n, i + 1) };
      const Item: Record<string, AttributeValue> = { id, v: { N: String(rowVersion) }, record: { S: part } };
      if (i === 0 && parts.length > 1) Item.parts = { N: String(parts.length) };
      return { Put: { TableName: this.#tableName, Item } };
    });
    // Its delivery may not be acknowledged in time: what comes again must not be parked again.
    const mark = {
      Update: {
        TableName: this.#tableName,
        Key: { id: { S: historyId(this.#consumerName, messageId) } },
        UpdateExpression: 'SET parked = :n, expiration = :expiration',
        ExpressionAttributeValues: { ':n': { N: String(n) }, ':expiration': historyExpiration() },
      },
    };
    return { rows: [...rows, mark], bytes: Buffer.byteLength(text) };
  }

  /** A drained row has no payload any more, and expires. */
  #drainedRows({ stream, drained }: Group, until: number): TransactWriteItem[] {
    return Array.from({ length: until - drained }, (_, i) => drained + 1 + i).flatMap((n) => {
      const parts = this.#parts.get(parkingId(this.#consumerName, stream, n)) ?? 1;
      return Array.from({ length: parts }, (_, i) => ({
        Update: {
          TableName: this.#tableName,
          Key: { id: { S: parkingId(this.#consumerName, stream, n, i + 1) } },
          UpdateExpression: 'SET expiration = :now REMOVE #record',
          ExpressionAttributeNames: { '#record': 'record' },
          ExpressionAttributeValues: { ':now': { N: String(nowSeconds()) } },
        },
      }));
    });
  }

  async #write(
    seen: Group | undefined,
    next: Omit<Group, 'token'>,
    rows: readonly TransactWriteItem[],
    limits: Limits,
  ): Promise<Group> {
    const row = { ...next, token: randomUUID() };
    const condition = groupUnchanged(seen?.token);
    const put = {
      TableName: this.#tableName,
      Item: groupItem(this.#consumerName, row),
      ExpressionAttributeNames: { ...condition.names },
      ExpressionAttributeValues: condition.values && { ...condition.values },
      ...conditional(condition),
    };
    try {
      await send(
        this.#client,
        new TransactWriteItemsCommand({
          TransactItems: [{ Put: put }, ...rows],
          ClientRequestToken: row.token,
          ReturnConsumedCapacity: 'TOTAL',
        }),
        limits,
        'write',
      );
    } catch (cause) {
      // The answer was lost and the SDK sent it again: what stands in the way is our own (R12).
      const ours =
        cause instanceof TransactionCanceledException &&
        cause.CancellationReasons?.[0]?.Item?.token?.S === row.token;
      if (!ours) throw new CommitFailed('the group was changed meanwhile, or is not known to be', { cause });
    }
    return row;
  }
}

function stopped({ head, reason }: { readonly head: GroupHead; readonly reason: string }) {
  return { state: 'stopped' as const, head, reason, since: new Date().toISOString(), decision: undefined };
}
