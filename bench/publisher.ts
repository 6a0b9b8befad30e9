import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sqsConsumer } from '../runtime/sqs/index.js';
import { table } from '../runtime/dynamodb/index.js';
import { outbox } from '../runtime/outbox/index.js';
import type { Handler } from './contenders/contender.js';
import { common } from './contenders/ours.js';
import type { Tables } from './tables.js';

export interface Publishing {
  readonly outboxTable: string;
  /**
   * Whose version counts the events: the account's item, which is written anyway, or one that nothing else writes.
   */
  readonly countedBy: 'the account' | 'an item of its own';
}

/** The transaction consumer of the other benchmarks, which publishes an event per payment. */
export function publisher(
  dynamodb: DynamoDBClient,
  tables: Tables,
  { outboxTable, countedBy }: Publishing,
): Handler {
  const accounts = table({ name: tables.accounts, partitionKey: 'account' });
  const events = outbox({ table: outboxTable, source: 'bench', epoch: '1' });
  return sqsConsumer({
    ...common(tables),
    dynamodb,
    key: ({ body }) => body.id,
    handle: ({ body: { id, account, cents } }, tx) => {
      tx.update(accounts, { account }, { add: { payments: 1, cents } });
      const counting = countedBy === 'the account' ? account : `events of ${account}`;
      tx.publish(events, {
        aggregate: { table: accounts, key: { account: counting } },
        type: 'PaymentSettled',
        data: { id, account, cents },
      });
    },
  });
}
