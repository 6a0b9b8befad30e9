import type { Entry } from './bundle.js';

/** The transaction way with its SQS consumer: no metrics, no logger, no schema library. */
export const ourCore: Entry = {
  code: `export { sqsConsumer } from './runtime/sqs/index.js';`,
};

export const ourWays: readonly { readonly name: string; readonly entry: Entry }[] = [
  { name: 'core runtime (transaction way)', entry: ourCore },
  {
    name: 'aggregate way',
    entry: { code: `export { sqsAggregateConsumer } from './runtime/sqs/index.js';` },
  },
  { name: 'insert way', entry: { code: `export { sqsInsertConsumer } from './runtime/sqs/index.js';` } },
];

export const peerCore: Entry = {
  code: `
    export { processPartialResponse, SqsFifoPartialProcessorAsync } from '@aws-lambda-powertools/batch';
    export { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
    export { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';`,
};

/** What every handler with an effect in DynamoDB loads anyway. */
export const bareClient: Entry = {
  code: `
    import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
    globalThis.bare = [DynamoDBClient, UpdateItemCommand];`,
};

export const withBareClient = ({ code }: Entry): Entry => ({ code: `${bareClient.code}\n${code}` });

export const ourReference: Entry = { code: `export { handler } from './lambdas/consumer/settlement.js';` };
export const peerReference: Entry = {
  code: `export { handler } from './bench/contenders/powertools-settlement.js';`,
};
