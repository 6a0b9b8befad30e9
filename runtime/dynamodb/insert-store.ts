import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { crashPoint } from '../dedup/crash-points.js';
import { conditional, rowAbsent } from './conditions.js';
import { commitFailed, type CommitLimits, type CommitOutcome } from './dynamo-store.js';
import { KeyReused } from '../dedup/errors.js';
import { addressOf, marshalled, type Row, type Table } from './table.js';

/** A message whose only effect is one new row. The row's key is the message's identity: the row is its own receipt. */
export interface Insertion {
  readonly row: Row;
  readonly fingerprint: string;
  /** Messages of one lane (a FIFO group) keep their order. */
  readonly lane: string;
}

/** Attributes of ours in an inserted row, beside the user's. */
const tokenAttribute = 'xoToken';
const fingerprintAttribute = 'xoFingerprint';

/**
 * Inserts rows, each once.
 *
 * Guarantees: for one row key, one insertion ever acts, at the price of the plain write. Holds while the row is there: never
 * delete one within the horizon (leave a tombstone instead), and set no TTL on the table (R15).
 */
export class InsertStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly table: Table,
  ) {}

  /** Lanes side by side, the rows of a lane one after another. Never throws. */
  async commit(
    insertions: readonly Insertion[],
    limits: CommitLimits,
  ): Promise<Map<Insertion, CommitOutcome>> {
    const outcomes = new Map<Insertion, CommitOutcome>();
    const lanes = Map.groupBy(insertions, ({ lane }) => lane);
    await Promise.all(
      [...lanes.values()].map(async (lane) => {
        for (const insertion of lane) {
          const outcome = await this.#insert(insertion, limits);
          outcomes.set(insertion, outcome);
          if (outcome.kind === 'failed' || outcome.kind === 'rejected') break;
        }
      }),
    );
    return outcomes;
  }

  async #insert({ row, fingerprint }: Insertion, { meter }: CommitLimits): Promise<CommitOutcome> {
    const token = randomUUID();
    const condition = rowAbsent(this.table.partitionKey);
    await crashPoint('before-commit');
    try {
      meter.call();
      const { ConsumedCapacity } = await this.client.send(
        new PutItemCommand({
          TableName: this.table.name,
          Item: marshalled(this.table, {
            ...row,
            [tokenAttribute]: token,
            [fingerprintAttribute]: fingerprint,
          }),
          ExpressionAttributeNames: { ...condition.names },
          ...conditional(condition),
          ReturnConsumedCapacity: 'TOTAL',
        }),
      );
      meter.write(ConsumedCapacity && [ConsumedCapacity]);
      await crashPoint('after-commit');
      return { kind: 'processed' };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined)
        return { kind: 'failed', error: commitFailed(error, this.table.name) };
      return this.#judge(row, fingerprint, token, error.Item);
    }
  }

  #judge(
    row: Row,
    fingerprint: string,
    token: string,
    stored: Record<string, AttributeValue>,
  ): CommitOutcome {
    // The answer was lost and the SDK sent it again: the row that is in the way is our own (R12).
    if (stored[tokenAttribute]?.S === token) return { kind: 'processed' };
    const found = stored[fingerprintAttribute]?.S;
    if (found === fingerprint) return { kind: 'duplicate', result: undefined };
    // Another payload under this key, or a row that no consumer made: this message's effect is not there.
    return {
      kind: 'rejected',
      error: new KeyReused(addressOf(this.table, row).id, found ?? 'none', fingerprint),
    };
  }
}
