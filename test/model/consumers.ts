import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type SqsConsumer,
} from '../../runtime/consumer/index.js';
import { table, type Transaction } from '../../runtime/dedup/index.js';
import { outbox, type Outbox } from '../../runtime/outbox/outbox.js';
import type { Engine } from './engine.js';
import { Body } from './message-body.js';
import type { WayName } from './scenario.js';

/** What the model gives to a consumer. */
export interface ConsumerHabitat {
  readonly engine: Engine;
  readonly deadLetterQueueUrl: string;
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  /** Throws for messages that fail now. */
  readonly attempt: (token: string) => void;
  /** A place inside the handler at which its process may stop or die. */
  readonly danger: () => Promise<void>;
  readonly observe: (summary: BatchSummary) => void;
}

export const consumerName = 'model';
export const retentionSeconds = 1_000;

/** The item of the aggregate way: a text to which every message appends itself, and a list beside it that must say the same. */
interface Log extends Record<string, unknown> {
  readonly log: string;
  readonly marks: readonly string[];
}

/** A new function instance: the package's real consumer, with handlers whose effects show every double and every wrong order. */
export function consumerOf(way: WayName, habitat: ConsumerHabitat): SqsConsumer {
  const { engine, deadLetterQueueUrl, dynamodb, sqs, attempt, danger, observe } = habitat;
  const effects = table({ name: engine.names.effects, partitionKey: 'name' });
  const common = {
    settings: {
      consumerName: `${engine.prefix}${consumerName}`,
      dedupTable: engine.names.receipts,
      receiptRetentionSeconds: retentionSeconds,
      deadLetterQueueUrl,
    },
    schema: Body,
    dynamodb,
    sqs,
    observe,
  };
  switch (way) {
    case 'transaction':
      return sqsConsumer({
        ...common,
        key: ({ body }) => body.id,
        handle: async ({ body }, tx) => {
          await danger();
          attempt(body.token);
          await fill(engine, body, tx, danger);
        },
      });
    case 'insert':
      return sqsInsertConsumer({
        ...common,
        table: effects,
        row: ({ body }) => {
          attempt(body.token);
          return { name: body.id, token: body.token };
        },
      });
    case 'aggregate':
      return sqsAggregateConsumer<typeof Body, Log>({
        ...common,
        table: effects,
        aggregate: ({ body }) => ({ name: body.group }),
        version: ({ body }) => ({ source: body.source, version: body.version }),
        reduce: (state, { body: { token } }) => {
          // It tries to change what it was given, and then it may fail.
          if (state !== undefined) Reflect.set(state.marks, state.marks.length, 'left behind');
          attempt(token);
          const { log, marks } = state ?? { log: '', marks: [] };
          return { log: `${log}${token} `, marks: [...marks, token] };
        },
      });
  }
}

export function book(table: string): Outbox {
  return outbox({ table, source: 'model', epoch: '1' });
}

async function fill(
  { names, prefix }: Engine,
  { id, token, group, kind }: Body,
  tx: Transaction,
  danger: () => Promise<void>,
): Promise<void> {
  const effects = table({ name: names.effects, partitionKey: 'name' });
  const rows = table({ name: names.rows, partitionKey: 'name' });
  const add = { [token]: 1 };
  const never = (attribute: string) => ({
    expression: 'attribute_not_exists(#mine)',
    names: { '#mine': attribute },
  });
  switch (kind) {
    case 'add': {
      tx.update(effects, { name: group }, { add });
      return;
    }
    case 'set': {
      // Two of these are never one write.
      tx.update(effects, { name: group }, { add, set: { last: token } });
      return;
    }
    case 'own-condition': {
      // Its own write makes the condition false.
      tx.update(effects, { name: group }, { add, condition: never(token) });
      return;
    }
    case 'insert':
      tx.insert(rows, { name: id });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'check':
      tx.check(rows, { name: `${prefix}closed` }, never('name'));
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'get': {
      // The sum shows whatever was decided on an old read, and whatever acted twice.
      const before = await tx.get(rows, { name: `${prefix}sum` }, ['sum']);
      await danger();
      tx.update(rows, { name: `${prefix}sum` }, { set: { sum: Number(before?.sum ?? 0) + 1 } });
      tx.update(effects, { name: group }, { add });
      return;
    }
    case 'publish':
      tx.publish(book(names.outbox), {
        aggregate: { table: rows, key: { name: `${prefix}book` } },
        type: 'Acted',
        data: token,
      });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'shared':
      tx.update(rows, { name: `${prefix}shop` }, { add: { total: 1 } });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
  }
}
