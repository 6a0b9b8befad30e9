import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { backoff } from '../dedup/backoff.js';
import { CommitFailed } from '../dedup/errors.js';
import type { FailureStore, Recalled } from '../dedup/failure-store.js';
import type { Group } from '../dedup/group.js';
import type { History, Note } from '../dedup/history.js';
import type { Limits } from '../dedup/limits.js';
import { conditional, startAttribute, startUncounted, type Condition } from './conditions.js';
import { groupId, readGroupRow } from './group-row.js';
import { GroupStore } from './group-store.js';
import { historyExpiration, historyId, readHistory } from './history-row.js';
import { readRows } from './batch-get.js';
import { rowVersion } from './receipt.js';
import { send } from './send.js';
import { Clauses } from './write.js';

/** DynamoDB: actions in one transaction. */
const maxActions = 100;

/** Histories of messages and stopped groups, as rows of the dedup table. */
export class DynamoFailureStore implements FailureStore {
  readonly groups: GroupStore;
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consumerName = consumerName;
    this.groups = new GroupStore(client, tableName, consumerName);
  }

  async recall(messages: readonly string[], streams: readonly string[], limits: Limits): Promise<Recalled> {
    const ids = new Map([
      ...messages.map((message) => [historyId(this.#consumerName, message), message] as const),
      ...streams.map((stream) => [groupId(this.#consumerName, stream), stream] as const),
    ]);
    const found = await readRows(this.#client, this.#tableName, [...ids.keys()], limits);
    const histories = new Map<string, History>();
    const groups = new Map<string, Group>();
    const unread = new Set([...found.unread].map((id) => ids.get(id) ?? ''));
    for (const [id, row] of found.rows) {
      const name = ids.get(id) ?? '';
      if (row.stream === undefined) histories.set(name, readHistory(row));
      else
        try {
          groups.set(name, readGroupRow(row));
        } catch {
          // A newer version of this library wrote it: as good as unread (R17).
          unread.add(name);
        }
    }
    return { histories, groups, unread };
  }

  async note(notes: readonly Note[], limits: Limits): Promise<readonly Note[]> {
    const written = await Promise.all(notes.map((note) => this.#note(note, limits)));
    return notes.filter((_, i) => written[i] !== true);
  }

  async start(messages: readonly string[], limits: Limits): Promise<void> {
    for (let at = 0; at < messages.length; at += maxActions)
      await this.#start(messages.slice(at, at + maxActions), messages.length, limits);
  }

  /**
   * A lone start is counted once, however often it is sent: two of them make a death, and a lost answer is none. Of
   * several together nothing is counted.
   */
  async #start(messages: readonly string[], company: number, limits: Limits): Promise<void> {
    const start = randomUUID();
    const updates = messages.map((message) => {
      const clauses = this.#clauses();
      clauses.set('company', { N: String(company) });
      if (company > 1) return this.#update(message, clauses);
      clauses.add('ADD', `${clauses.name('alone')} ${clauses.value({ N: '1' })}`);
      clauses.set(startAttribute, { S: start });
      return this.#update(message, clauses, startUncounted(start));
    });
    const [only] = updates;
    for (let tries = 1; ; tries += 1)
      try {
        if (updates.length === 1 && only !== undefined)
          await send(this.#client, new UpdateItemCommand(only), limits, 'write');
        else
          await send(
            this.#client,
            new TransactWriteItemsCommand({
              TransactItems: updates.map((Update) => ({ Update })),
              ReturnConsumedCapacity: 'TOTAL',
            }),
            limits,
            'write',
          );
        return;
      } catch (cause) {
        // It is counted already: what was lost was the answer.
        if (cause instanceof ConditionalCheckFailedException) return;
        if (tries >= maxTries)
          throw new CommitFailed('suspects are not run before that is written down', { cause });
        await backoff(tries, limits.deadline);
      }
  }

  /**
   * Without a condition, because too high or too low a count makes a message come again, and never lets it act twice.
   */
  async #note({ id, kind, reason, survived }: Note, limits: Limits): Promise<boolean> {
    const clauses = this.#clauses();
    clauses.add('ADD', `${clauses.name(kind)} ${clauses.value({ N: '1' })}`);
    if (survived) for (const name of ['alone', 'company']) clauses.set(name, { N: '0' });
    if (reason !== undefined) clauses.set('reason', { S: reason.slice(0, 1_000).toWellFormed() });
    for (let tries = 1; Date.now() < limits.deadline; tries += 1)
      try {
        const command = new UpdateItemCommand(this.#update(id, clauses));
        await send(this.#client, command, limits, 'write');
        return true;
      } catch {
        if (tries >= maxTries) return false;
        await backoff(tries, limits.deadline);
      }
    return false;
  }

  #clauses(): HistoryClauses {
    const clauses = new HistoryClauses();
    clauses.set('v', { N: String(rowVersion) });
    clauses.set('expiration', historyExpiration());
    return clauses;
  }

  #update(message: string, clauses: Clauses, condition?: Condition) {
    return {
      TableName: this.#tableName,
      Key: { id: { S: historyId(this.#consumerName, message) } },
      UpdateExpression: clauses.text(),
      ...conditional(condition),
      ExpressionAttributeNames: { ...condition?.names, ...clauses.names },
      ExpressionAttributeValues: { ...condition?.values, ...clauses.values },
      ReturnConsumedCapacity: 'TOTAL' as const,
    };
  }
}

const maxTries = 6;

class HistoryClauses extends Clauses {
  set(name: string, value: AttributeValue): void {
    this.add('SET', `${this.name(name)} = ${this.value(value)}`);
  }
}
