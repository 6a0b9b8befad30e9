import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import { crashPoint } from '../dedup/crash-points.js';
import { InvalidWrite, StateTooLarge, WriteRefused } from '../dedup/errors.js';
import type { Aggregate } from '../dedup/folded.js';
import type { Limits } from '../dedup/limits.js';
import { aggregateWrite, readAggregate, tokenOf, unseen, type SeenAggregate } from './aggregate-item.js';
import { isPassing, isRefusal } from './call-failed.js';
import { send } from './send.js';
import type { ItemAddress, Row, Table } from './table.js';

const maxAttempts = 10;

/** `lost`: another write came first, and what is stored now is `seen`. `refused`: DynamoDB cannot hold the state. */
export type AggregateWritten =
  | { readonly kind: 'written' | 'lost'; readonly seen: SeenAggregate }
  | { readonly kind: 'refused'; readonly error: unknown };

/** Reads and writes the items of the aggregates: a write succeeds only over what was seen. */
export class AggregateItems {
  readonly #client: DynamoDBClient;
  readonly #table: Table;

  constructor(client: DynamoDBClient, table: Table) {
    this.#client = client;
    this.#table = table;
  }

  async read(address: ItemAddress, limits: Limits): Promise<SeenAggregate> {
    const { Item } = await send(
      this.#client,
      new GetItemCommand({
        TableName: address.tableName,
        Key: address.key,
        ConsistentRead: true,
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'read',
    );
    return Item === undefined ? unseen : readAggregate(this.#table, address, Item);
  }

  async write(
    address: ItemAddress,
    seen: SeenAggregate,
    after: Aggregate<Row>,
    limits: Limits,
  ): Promise<AggregateWritten> {
    const table = this.#table;
    const token = randomUUID();
    try {
      const { input, next } = aggregateWrite(table, address, seen, after, token);
      const inTheWay = await this.#update(input, limits);
      if (inTheWay !== undefined && (inTheWay === 'absent' || tokenOf(inTheWay) !== token))
        return {
          kind: 'lost',
          seen: inTheWay === 'absent' ? unseen : readAggregate(table, address, inTheWay),
        };
      return { kind: 'written', seen: next };
    } catch (error) {
      if (error instanceof InvalidWrite || error instanceof StateTooLarge) return { kind: 'refused', error };
      if (!isRefusal(error)) throw error;
      const refused = new WriteRefused(`DynamoDB refused the state: ${error.message}`, { cause: error });
      return { kind: 'refused', error: refused };
    }
  }

  /**
   * Undefined when written, else the item that stood in the way. A write that met another one is tried again, with
   * its token.
   */
  async #update(
    input: UpdateItemCommandInput,
    limits: Limits,
  ): Promise<undefined | 'absent' | Record<string, AttributeValue>> {
    await crashPoint('before-commit');
    for (let attempts = 1; ; attempts += 1)
      try {
        await send(this.#client, new UpdateItemCommand(input), limits, 'write');
        await crashPoint('after-commit');
        return undefined;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return error.Item ?? 'absent';
        if (!isPassing(error) || attempts === maxAttempts) throw error;
        limits.meter.conflicts += 1;
        await backoff(attempts, limits.deadline);
      }
  }
}
