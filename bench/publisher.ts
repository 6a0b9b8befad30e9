import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sqsConsumer } from '../runtime/sqs/index.js';
import { table } from '../runtime/dynamodb/index.js';
import { outbox } from '../runtime/outbox/index.js';
import type { Handler } from './contenders/contender.js';
import { common } from './contenders/ours.js';
import type { Tables } from './tables.js';

export interface Publishing {
  readonly outboxTable: string;
  /** What the events are about: the account, whose item is written anyway, or something that nothing writes. */
  readonly about: 'the account' | 'something else';
}

/** Makes an event of 900 bytes, with its stream and type, of what is in it anyway. */
const paddingBytes = 740;

/** The transaction consumer of the other benchmarks, which publishes an event of 900 bytes per payment. */
export function publisher(
  dynamodb: DynamoDBClient,
  tables: Tables,
  { outboxTable, about }: Publishing,
): Handler {
  const accounts = table({ name: tables.accounts, partitionKey: 'account' });
  const events = outbox({ table: outboxTable, source: 'bench', epoch: '1' });
  return sqsConsumer({
    ...common(tables),
    dynamodb,
    key: ({ body }) => body.id,
    handle: ({ body: { id, account, cents } }, tx) => {
      tx.update(accounts, { account }, { add: { payments: 1, cents } });
      const name = about === 'the account' ? account : `of ${account}`;
      tx.publish(events, {
        aggregate: { table: accounts, key: { account: name }, kind: 'account' },
        type: 'PaymentSettled',
        data: { id, account, cents, note: 'x'.repeat(paddingBytes) },
      });
    },
  });
}
