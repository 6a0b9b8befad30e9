import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { anonymousCaller, httpApiHandler, idempotentApi } from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import type { Benchmark } from '../benchmark.js';
import { billed, type Bill } from '../bill.js';
import { powertoolsName } from '../contenders/powertools.js';
import { clientOf, type Engine } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';
import { newTables, type Tables } from '../tables.js';

/** An API's function: pays once per request, and answers. */
type Server = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;
type Contender = (client: DynamoDBClient, tables: Tables) => Server;

const requests = 20;
const warmUp = 2;
const PaymentBody = z.object({ account: z.string(), cents: z.int() });
type PaymentBody = z.infer<typeof PaymentBody>;

export const api: Benchmark = {
  name: 'api',
  about:
    'DynamoDB calls and units of one POST with an Idempotency-Key and one effect, and what they are more than the bare handler’s',
  notMeasured: [
    'API Gateway and Lambda, which are the same for both sides',
    'answers above 1 KB: each further KB costs us 2 units, and Powertools 1',
    'concurrent requests with one key: Powertools answers all but one with an error, we answer all',
    'what a refused call costs is not reported by DynamoDB: it is added by the published rules (1 unit for a failed condition, 2 per action of a cancelled transaction)',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const [none, ours, peer] = [
        await figuresOf(engine, bare),
        await figuresOf(engine, idempotent),
        await figuresOf(engine, powertools),
      ];
      samples.push([
        ...sampled('first', none.first, ours.first, peer.first),
        ...sampled('replay', undefined, ours.replay, peer.replay),
      ]);
      log(`api: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, powertoolsName) };
  },
};

interface Figures {
  readonly roundTrips: number;
  readonly writeUnits: number;
  readonly readUnits: number;
}

/** @param none of the bare handler, where there is something to compare with. */
function sampled(kind: string, none: Figures | undefined, ours: Figures, peer: Figures): Sample[] {
  const measured: [measure: string, unit: string, name: keyof Figures][] = [
    ['round trips per request', 'calls', 'roundTrips'],
    ['WRU per request', 'WRU', 'writeUnits'],
    ['RRU per request', 'RRU', 'readUnits'],
  ];
  const absolute = measured.map(([measure, unit, name]) => ({
    measure,
    unit,
    case: kind,
    ours: ours[name],
    peer: peer[name],
  }));
  if (none === undefined) return absolute;
  const added = measured.map(([measure, unit, name]) => ({
    measure,
    unit,
    case: `${kind}, over the bare handler`,
    ours: ours[name] - none[name],
    peer: peer[name] - none[name],
  }));
  return [...absolute, ...added];
}

async function figuresOf(engine: Engine, contender: Contender): Promise<{ first: Figures; replay: Figures }> {
  const client = clientOf(engine);
  const tables = await newTables(client);
  const bill = billed(client);
  const server = contender(client, tables);
  const asked = Array.from({ length: requests }, (_, i) => eventOf(`key-${i}`, `account-${i}`));
  for (let i = 0; i < warmUp; i += 1) await served(server, eventOf(`warm-${i}`, 'warm'));
  const first = await paid(server, asked, bill);
  const replay = await paid(server, asked, bill);
  client.destroy();
  return { first, replay };
}

async function paid(server: Server, asked: readonly APIGatewayProxyEventV2[], bill: Bill): Promise<Figures> {
  const { writeUnits, readUnits } = bill;
  let roundTrips = 0;
  for (const event of asked) {
    bill.sequence = 0;
    await served(server, event);
    roundTrips += bill.sequence;
  }
  return {
    roundTrips: roundTrips / asked.length,
    writeUnits: (bill.writeUnits - writeUnits) / asked.length,
    readUnits: (bill.readUnits - readUnits) / asked.length,
  };
}

/** The parts of the context that one of the sides uses. */
const context = { getRemainingTimeInMillis: () => 10_000, awsRequestId: 'bench' } as Context;

async function served(server: Server, event: APIGatewayProxyEventV2): Promise<void> {
  const { statusCode, body } = await server(event, context);
  if (statusCode !== 201)
    throw new Error(
      `a request of a benchmark without faults was answered with ${statusCode ?? 0}: ${body ?? ''}`,
    );
}

const answerTo = ({ account, cents }: PaymentBody) => ({ account, cents, status: 'paid' });

const bodyOf = ({ body }: APIGatewayProxyEventV2) => PaymentBody.parse(JSON.parse(body ?? ''));

async function pay(
  client: DynamoDBClient,
  { accounts }: Tables,
  { account, cents }: PaymentBody,
): Promise<void> {
  await client.send(
    new UpdateItemCommand({
      TableName: accounts,
      Key: { account: { S: account } },
      UpdateExpression: 'ADD payments :one, cents :cents',
      ExpressionAttributeValues: { ':one': { N: '1' }, ':cents': { N: String(cents) } },
    }),
  );
}

/** Acts at every request. */
const bare: Contender = (client, tables) => async (event) => {
  const payment = bodyOf(event);
  await pay(client, tables, payment);
  return { statusCode: 201, body: JSON.stringify(answerTo(payment)) };
};

const idempotent: Contender = (dynamodb, tables) => {
  const accounts = table({ name: tables.accounts, partitionKey: 'account' });
  return httpApiHandler(
    idempotentApi({
      settings: { apiName: 'bench', dedupTable: tables.receipts, windowSeconds: 24 * 3600 },
      schema: PaymentBody,
      caller: anonymousCaller,
      dynamodb,
      observe: () => undefined,
      handle: ({ body }, tx) => {
        tx.update(accounts, { account: body.account }, { add: { payments: 1, cents: body.cents } });
        return { status: 201, body: answerTo(body) };
      },
    }),
  );
};

/**
 * As its documentation shows it for an API: the key from the header, the payload validated, an error without a key.
 *
 * @see https://docs.aws.amazon.com/powertools/typescript/latest/features/idempotency/
 */
const powertools: Contender = (client, tables) => {
  const config = new IdempotencyConfig({
    eventKeyJmesPath: 'headers."idempotency-key"',
    payloadValidationJmesPath: 'body',
    throwOnNoIdempotencyKey: true,
  });
  const handle = makeIdempotent(
    async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
      const payment = bodyOf(event);
      await pay(client, tables, payment);
      return { statusCode: 201, body: JSON.stringify(answerTo(payment)) };
    },
    {
      persistenceStore: new DynamoDBPersistenceLayer({ tableName: tables.receipts, awsSdkV3Client: client }),
      config,
      keyPrefix: 'bench',
    },
  );
  return async (event, lambdaContext) => {
    config.registerLambdaContext(lambdaContext);
    return handle(event);
  };
};

function eventOf(key: string, account: string): APIGatewayProxyEventV2 {
  const path = '/payments';
  return {
    version: '2.0',
    routeKey: 'POST /payments',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    requestContext: {
      accountId: '000000000000',
      apiId: 'bench',
      domainName: 'bench',
      domainPrefix: 'bench',
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'bench' },
      requestId: key,
      routeKey: 'POST /payments',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    isBase64Encoded: false,
    body: JSON.stringify({ account, cents: 5 }),
  };
}
