import * as z from 'zod/mini';
import { table } from '../../runtime/dynamodb/index.js';
import { kafkaConsumer, kafkaConsumerSettings } from '../../runtime/kafka/index.js';
import { required } from '../environment.js';

const accounts = table({ name: required('ACCOUNTS_TABLE'), partitionKey: 'customer' });

/** Books debits on accounts, behind Lambda's Kafka mapping. An increment: one that runs twice shows in the sum. */
export const handler = kafkaConsumer({
  settings: kafkaConsumerSettings(process.env),
  schema: z.object({ purchase: z.string(), customer: z.string(), cents: z.int() }),
  key: ({ body }) => body.purchase,
  handle: ({ body: { customer, cents } }, tx) =>
    tx.update(accounts, { customer }, { add: { cents, purchases: 1 } }),
});
