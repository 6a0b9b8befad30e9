import { sqsAggregateConsumer, sqsConsumer, sqsInsertConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { Payment } from '../message.js';
import type { Tables } from '../tables.js';
import type { Contender, Handler } from './contender.js';

/** Writes that are no keyed row: an increment shows a double. */
export const transaction: Contender = (dynamodb, tables) => {
  const accounts = table({ name: tables.accounts, partitionKey: 'account' });
  return sqsConsumer({
    ...common(tables),
    dynamodb,
    key: ({ body }) => body.id,
    handle: ({ body: { account, cents } }, tx) => {
      tx.update(accounts, { account }, { add: { payments: 1, cents } });
    },
  });
};

/** The transaction way without packing: every message in a commit of its own, one after another. */
export const singleTransactions: Contender = (client, tables) => {
  const handler = transaction(client, tables);
  const one: Handler = async ({ Records }, context) => {
    for (const [i, record] of Records.entries()) {
      const { batchItemFailures } = await handler({ Records: [record] }, context);
      if (batchItemFailures.length > 0)
        return {
          batchItemFailures: Records.slice(i).map(({ messageId }) => ({ itemIdentifier: messageId })),
        };
    }
    return { batchItemFailures: [] };
  };
  return one;
};

export const aggregate: Contender = (dynamodb, tables) =>
  sqsAggregateConsumer<typeof Payment, { payments: number; cents: number }>({
    ...common(tables),
    dynamodb,
    table: table({ name: tables.accounts, partitionKey: 'account' }),
    aggregate: ({ body: { account } }) => ({ account }),
    version: ({ body: { version } }) => ({ source: 'bench', version }),
    reduce: (state = { payments: 0, cents: 0 }, { body }) => ({
      payments: state.payments + 1,
      cents: state.cents + body.cents,
    }),
  });

export const insert: Contender = (dynamodb, tables) =>
  sqsInsertConsumer({
    ...common(tables),
    dynamodb,
    table: table({ name: tables.rows, partitionKey: 'id' }),
    row: ({ body: { id, account, cents } }) => ({ id, account, cents }),
  });

/** What all consumers of this benchmark are made with. */
export function common({ receipts }: Tables) {
  return {
    settings: {
      consumerName: 'bench',
      dedupTable: receipts,
      receiptRetentionSeconds: 14 * 24 * 3600,
      deadLetterQueueUrl: 'http://127.0.0.1:1/none',
    },
    schema: Payment,
    observe: () => undefined,
  };
}
