import {
  BatchProcessor,
  EventType,
  processPartialResponse,
  SqsFifoPartialProcessorAsync,
} from '@aws-lambda-powertools/batch';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { PutItemCommand, UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { Payment } from '../message.js';
import type { Tables } from '../tables.js';
import type { Contender } from './contender.js';

export const powertoolsName = 'Powertools idempotency + batch 2.35.0';

/**
 * As its documentation recommends: the key from the body and an error without one, the Lambda context registered so
 * that a claim expires with the invocation, the batch processor of the queue's type, partial responses. The payload
 * is parsed by hand and by the same schema as ours, which spares it the JMESPath parsing of the body.
 *
 * @see https://docs.aws.amazon.com/powertools/typescript/latest/features/idempotency/
 */
function powertools(
  queue: 'FIFO' | 'Standard',
  effect: (client: DynamoDBClient, tables: Tables, payment: Payment) => Promise<unknown>,
): Contender {
  return (client, tables) => {
    const config = new IdempotencyConfig({ eventKeyJmesPath: 'id', throwOnNoIdempotencyKey: true });
    const handle = makeIdempotent(
      async (payment: Payment) => {
        await effect(client, tables, payment);
        return { paid: payment.id };
      },
      {
        persistenceStore: new DynamoDBPersistenceLayer({
          tableName: tables.receipts,
          awsSdkV3Client: client,
        }),
        config,
        keyPrefix: 'bench',
      },
    );
    const recordHandler = async ({ body }: SQSRecord) => {
      await handle(Payment.parse(JSON.parse(body)));
    };
    const serve = queue === 'FIFO' ? fifo(recordHandler) : standard(recordHandler);
    return async (event, lambdaContext) => {
      const context = lambdaContext as Context;
      config.registerLambdaContext(context);
      return serve(event, context);
    };
  };
}

type RecordHandler = (record: SQSRecord) => Promise<void>;
type Serve = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

function fifo(recordHandler: RecordHandler): Serve {
  const processor = new SqsFifoPartialProcessorAsync();
  // `skipGroupOnError`: one group's failure does not fail the others, as with ours.
  return (event, context) =>
    processPartialResponse(event, recordHandler, processor, { context, skipGroupOnError: true });
}

function standard(recordHandler: RecordHandler): Serve {
  const processor = new BatchProcessor(EventType.SQS);
  return (event, context) => processPartialResponse(event, recordHandler, processor, { context });
}

const increment = (client: DynamoDBClient, { accounts }: Tables, { account, cents }: Payment) =>
  client.send(
    new UpdateItemCommand({
      TableName: accounts,
      Key: { account: { S: account } },
      UpdateExpression: 'ADD payments :one, cents :cents',
      ExpressionAttributeValues: { ':one': { N: '1' }, ':cents': { N: String(cents) } },
    }),
  );

const newRow = (client: DynamoDBClient, { rows }: Tables, { id, account, cents }: Payment) =>
  client.send(
    new PutItemCommand({
      TableName: rows,
      Item: { id: { S: id }, account: { S: account }, cents: { N: String(cents) } },
    }),
  );

export const powertoolsFifo = powertools('FIFO', increment);
export const powertoolsStandard = powertools('Standard', increment);
export const powertoolsInsert = powertools('FIFO', newRow);
