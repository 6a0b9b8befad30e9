import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { Attributes } from './attribute-value.js';
import { backoff } from '../dedup/backoff.js';
import { conditional, rowAbsent } from './commit-conditions.js';
import { crashPoint } from '../dedup/crash-points.js';
import { errorText, WriteRefused } from '../dedup/errors.js';
import type { Limits } from '../dedup/limits.js';
import type { Outcome, Outcomes } from '../dedup/outcome.js';
import { assertStampable, stamp } from './receipt.js';
import { commitFailed, isPassing, isRefusal } from './call-failed.js';
import { send } from './send.js';
import { addressIn, storedIn, type ItemAddress, type Row, type Table } from './table.js';

/**
 * A message whose only effect is one new row. The row's key is the message's identity: the row is its own receipt.
 */
export interface Insertion {
  readonly address: ItemAddress;
  readonly item: Readonly<Attributes>;
  readonly fingerprint: string;
  /** Messages of one lane (a FIFO group) keep their order. */
  readonly lane: string;
  /** It reads nothing. */
  readonly looked?: false;
}

const maxAttempts = 10;

/**
 * Inserts rows, each once.
 *
 * Guarantees: for one row key, one insertion ever acts, at the price of the plain write. Holds while the row is
 * there: never delete one within the horizon (leave a tombstone instead), and set no TTL on the table (R15).
 */
export class InsertStore {
  readonly #client: DynamoDBClient;
  readonly #table: Table;

  constructor(client: DynamoDBClient, table: Table) {
    this.#client = client;
    this.#table = table;
  }

  /** @throws InvalidWrite for a row that DynamoDB cannot hold. */
  insertion(row: Row, fingerprint: string, lane: string): Insertion {
    const { item, bytes } = storedIn(this.#table, row);
    assertStampable(this.#table.name, item, bytes, {});
    return { address: addressIn(this.#table, item), item, fingerprint, lane };
  }

  /**
   * Lanes side by side, the rows of a lane one after another. Never throws. What is in no entry was not tried,
   * because an earlier one of its lane did not get through.
   */
  async commit(insertions: readonly Insertion[], limits: Limits): Promise<Outcomes<Insertion>> {
    const outcomes = new Map<Insertion, Outcome>();
    const lanes = Map.groupBy(insertions, ({ lane }) => lane);
    await Promise.all(
      [...lanes.values()].map(async (lane) => {
        for (const insertion of lane) {
          const outcome = await this.#insert(insertion, limits);
          outcomes.set(insertion, outcome);
          if (outcome.kind === 'retry' || outcome.kind === 'rejected') break;
        }
      }),
    );
    return outcomes;
  }

  /** What is stored at the keys of rows: see `Way.recall`. @throws DependencyFailed when it could not be read. */
  async recall(
    rows: readonly { readonly at: ItemAddress; readonly fingerprint: string }[],
    limits: Limits,
    consistent: boolean,
  ): Promise<(Outcome | undefined)[]> {
    const { recallRows } = await import('./again.js');
    return recallRows(this.#client, rows, limits, consistent);
  }

  async #insert(insertion: Insertion, limits: Limits): Promise<Outcome> {
    // Before the first attempt, so that a second one recognises what the first has written.
    const token = randomUUID();
    for (let attempts = 1; ; attempts += 1) {
      if (Date.now() >= limits.deadline && attempts === 1) return { kind: 'retry' };
      try {
        return await this.#attempt(insertion, token, limits);
      } catch (error) {
        const again = isPassing(error) && attempts < maxAttempts && Date.now() < limits.deadline;
        if (!again) return { kind: 'retry', error: this.#failure(error) };
        limits.meter.conflicts += 1;
        await backoff(attempts, limits.deadline);
      }
    }
  }

  async #attempt({ address, item, fingerprint }: Insertion, token: string, limits: Limits): Promise<Outcome> {
    const condition = rowAbsent(this.#table.partitionKey);
    const command = new PutItemCommand({
      TableName: this.#table.name,
      Item: { ...item, ...stamp({ id: address.id, fingerprint }, token) },
      ExpressionAttributeNames: { ...condition.names },
      ...conditional(condition),
      ReturnConsumedCapacity: 'TOTAL',
    });
    await crashPoint('before-commit');
    try {
      await send(this.#client, command, limits, 'write');
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
      // `processed` where the answer was lost and the SDK sent it again: the row that is in the way is our own (R12).
      const { judgeRow } = await import('./again.js');
      return judgeRow(error.Item, { fingerprint }, new Set([token]), address.id);
    }
    await crashPoint('after-commit');
    return { kind: 'processed' };
  }

  #failure(error: unknown): unknown {
    if (isRefusal(error))
      return new WriteRefused(`DynamoDB refused the row: ${errorText(error)}`, { cause: error });
    return commitFailed(error, this.#table.name);
  }
}
