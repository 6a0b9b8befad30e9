import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { aggregateWrite, readAggregate, tokenOf, unseen, type SeenAggregate } from './aggregate-item.js';
import { crashPoint } from '../dedup/crash-points.js';
import { backoff } from '../dedup/backoff.js';
import { CommitFailed } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import { commitFailed } from './send.js';
import { fold, type AggregateEvent, type EventOutcome, type Reducer } from '../dedup/fold.js';
import type { ItemAddress, Row, Table } from './table.js';
import { WarmItems } from './warm-items.js';

export interface AggregateStoreOptions<Event extends AggregateEvent = AggregateEvent> {
  readonly client: DynamoDBClient;
  /** The table of the aggregates. No TTL, and nobody deletes from it: a late copy would act again on a deleted one (R14). */
  readonly table: Table;
  readonly reduce: Reducer<Row, Event>;
  /** Position at which a stream starts that an aggregate has not met before. */
  readonly start: (event: AggregateEvent) => bigint;
  /** Told when a stream that stood still goes on again, after the write. It must not throw. @default - nobody is told */
  readonly wentOn?: (address: ItemAddress, stream: string, limits: Limits) => Promise<void>;
  /** Bytes of items kept in memory. @default 8 MB */
  readonly warmBytes?: number;
}

const maxAttempts = 10;
const defaultWarmBytes = 8 * 1024 * 1024;

/**
 * Folds events into aggregates and writes each aggregate once per batch.
 *
 * Guarantees: each version of a stream acts on its aggregate exactly once and in order, for ever, at the cost of one write per
 * aggregate and batch and, while this instance has seen the aggregate last, no read. Holds while the item is never deleted.
 *
 * The condition of each write is the token of the write before it, so a copy in memory is used only if it is what is stored; a
 * lost race brings the item back and the events are folded again.
 */
export class AggregateStore<Event extends AggregateEvent = AggregateEvent> {
  readonly #options: AggregateStoreOptions<Event>;
  readonly #warm: WarmItems<SeenAggregate>;

  constructor(options: AggregateStoreOptions<Event>) {
    this.#options = options;
    this.#warm = new WarmItems(options.warmBytes ?? defaultWarmBytes);
  }

  /** Commits the events of one aggregate. Never throws: what goes wrong is the outcome of the events it went wrong for. */
  async commit(
    address: ItemAddress,
    events: readonly Event[],
    limits: Limits,
  ): Promise<Map<Event, EventOutcome>> {
    try {
      return await this.#commit(address, events, limits);
    } catch (cause) {
      // Whether the write was made is not known, so neither is what is stored.
      this.#warm.delete(address.id);
      const error = commitFailed(cause, this.#options.table.name);
      return new Map(events.map((event) => [event, { kind: 'failed', error }]));
    }
  }

  async #commit(
    address: ItemAddress,
    events: readonly Event[],
    limits: Limits,
  ): Promise<Map<Event, EventOutcome>> {
    const { table, reduce, start } = this.#options;
    let warm = this.#warm.get(address.id);
    let seen = warm ?? (await this.#read(address, limits));
    for (let attempts = 1; ; attempts += 1) {
      // An item that holds only parked events has no state yet; what is stored cannot tell it from an empty one.
      const reduceSome: typeof reduce = (state, event) => reduce(nonEmpty(state), event);
      const { after, outcomes, changed } = fold(seen, events, reduceSome, start);
      if (!changed) {
        // A position only grows, so even an old copy is right about what it is past. About a refusal it may be wrong, and about "too
        // early" it stays wrong: without a write nothing would ever show this instance that it is behind. And what was parked may
        // have been given up: its redriven copy is no duplicate.
        const { ledger } = seen;
        const unsure = [...outcomes].some(
          ([{ stream, version, passOver }, { kind }]) =>
            kind === 'rejected' ||
            kind === 'failed' ||
            passOver !== undefined ||
            version > (ledger.get(stream)?.position ?? 0n),
        );
        if (!unsure || seen !== warm) return outcomes;
        warm = undefined;
        seen = await this.#read(address, limits);
        continue;
      }
      const token = randomUUID();
      const input = aggregateWrite(table, address, seen, after, token);
      const lost = await this.#write(input, limits);
      if (lost === undefined || (lost !== 'absent' && tokenOf(lost) === token)) {
        this.#warm.set(
          address.id,
          { ...after, token },
          JSON.stringify(input.ExpressionAttributeValues).length,
        );
        for (const [stream, { stopped }] of seen.ledger)
          if (stopped === true && after.ledger.get(stream)?.stopped !== true)
            await this.#options.wentOn?.(address, stream, limits);
        return outcomes;
      }
      limits.meter.conflicts += 1;
      seen = lost === 'absent' ? unseen : readAggregate(table, address, lost);
      if (attempts === maxAttempts || Date.now() >= limits.deadline)
        throw new CommitFailed(`gave up after ${attempts} lost races for one aggregate`);
      await backoff(attempts, limits.deadline);
    }
  }

  async #read({ tableName, key, ...rest }: ItemAddress, { meter }: Limits): Promise<SeenAggregate> {
    meter.call();
    const { Item, ConsumedCapacity } = await this.#options.client.send(
      new GetItemCommand({
        TableName: tableName,
        Key: key,
        ConsistentRead: true,
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.read(ConsumedCapacity && [ConsumedCapacity]);
    return Item === undefined
      ? unseen
      : readAggregate(this.#options.table, { tableName, key, ...rest }, Item);
  }

  /** Undefined when written, else the item that stood in the way. */
  async #write(
    input: ReturnType<typeof aggregateWrite>,
    { meter }: Limits,
  ): Promise<undefined | 'absent' | Record<string, AttributeValue>> {
    await crashPoint('before-commit');
    try {
      meter.call();
      const { ConsumedCapacity } = await this.#options.client.send(new UpdateItemCommand(input));
      meter.write(ConsumedCapacity && [ConsumedCapacity]);
      await crashPoint('after-commit');
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item ?? 'absent';
    }
  }
}

function nonEmpty(state: Row | undefined): Row | undefined {
  return state === undefined || Object.keys(state).length === 0 ? undefined : state;
}
