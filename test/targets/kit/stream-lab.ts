import {
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  waitUntilTableExists,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  type CreateEventSourceMappingRequest,
} from '@aws-sdk/client-lambda';
import { build } from 'esbuild';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  startEventSourceRunner,
  type EventSourceRunner,
  type Invocation,
  type StreamRecord,
} from '../../../targets/event-source/index.js';
import type { Target } from '../../../targets/target.js';
import type { StreamBehaviour } from './stream-harness.js';
import { zip } from './zip.js';

export interface StreamBenchOptions {
  /** What the function does with each batch. Must not refer to anything but its arguments and globals. */
  behaviour: StreamBehaviour;
  /** @default 5 */
  functionTimeoutSeconds?: number;
  /** @default - none */
  reservedConcurrency?: number;
  /** @default - ReportBatchItemFailures on, TRIM_HORIZON, disabled */
  mapping?: Partial<CreateEventSourceMappingRequest>;
}

/** Functions behind tables with a stream, for the tests of the event-source runner. */
export class StreamLab {
  private readonly lambda: LambdaClient;
  private readonly dynamodb: DynamoDBClient;
  private readonly cleanUps: (() => Promise<unknown>)[] = [];
  private seenTable = '';
  private harness = '';

  constructor(private readonly target: Target) {
    this.lambda = new LambdaClient(target.client);
    this.dynamodb = new DynamoDBClient(target.client);
  }

  async open(): Promise<void> {
    const bundle = await build({
      entryPoints: [join(__dirname, 'stream-harness.ts')],
      bundle: true,
      platform: 'node',
      target: 'node24',
      external: ['./stream-behaviour.js'],
      write: false,
      logLevel: 'error',
    });
    this.harness = bundle.outputFiles[0]!.text;
    this.seenTable = await this.table('functionName', 'row');
  }

  async close(): Promise<void> {
    await this.dynamodb.send(new DeleteTableCommand({ TableName: this.seenTable }));
    this.lambda.destroy();
    this.dynamodb.destroy();
  }

  /** Removes what `bench` and `run` made: in an afterEach, or idle function processes pile up. */
  async clear(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).reverse()) await cleanUp();
  }

  async bench(options: StreamBenchOptions): Promise<StreamBench> {
    const name = `lab-${randomUUID()}`;
    const table = await this.table('n', undefined, true);
    this.cleanUps.push(() => this.dynamodb.send(new DeleteTableCommand({ TableName: table })));
    const { Table } = await this.dynamodb.send(new DescribeTableCommand({ TableName: table }));
    await this.lambda.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: `arn:aws:iam::${this.target.account}:role/lab`,
        Timeout: options.functionTimeoutSeconds ?? 5,
        Environment: { Variables: { TABLE: this.seenTable } },
        Code: {
          ZipFile: zip({
            'index.js': this.harness,
            'stream-behaviour.js': `exports.behave = ${options.behaviour.toString()};`,
          }),
        },
      }),
    );
    this.cleanUps.push(() => this.lambda.send(new DeleteFunctionCommand({ FunctionName: name })));
    if (options.reservedConcurrency !== undefined)
      await this.lambda.send(
        new PutFunctionConcurrencyCommand({
          FunctionName: name,
          ReservedConcurrentExecutions: options.reservedConcurrency,
        }),
      );
    const mapping = await this.lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: name,
        EventSourceArn: Table!.LatestStreamArn,
        StartingPosition: 'TRIM_HORIZON',
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        Enabled: false,
        ...options.mapping,
      }),
    );
    this.cleanUps.push(() => this.lambda.send(new DeleteEventSourceMappingCommand({ UUID: mapping.UUID })));
    if (options.reservedConcurrency === undefined)
      await this.lambda.send(
        new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ Records: [] }) }),
      );
    return new StreamBench(name, mapping.UUID!, table, this.dynamodb, this.lambda, this.seenTable);
  }

  /** Starts the runner for the bench alone. */
  async run(
    bench: StreamBench,
    options: { now?: () => number } = {},
  ): Promise<EventSourceRunner & { invocations: Invocation[] }> {
    const invocations: Invocation[] = [];
    const runner = await startEventSourceRunner(this.target, {
      ...options,
      functionNames: [bench.name],
      onInvocation: (invocation) => invocations.push(invocation),
    });
    this.cleanUps.push(() => runner.stop());
    return { ...runner, invocations };
  }

  private async table(partitionKey: string, sortKey?: string, stream = false): Promise<string> {
    const TableName = `stream-lab-${randomUUID()}`;
    const keys = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
    await this.dynamodb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
        AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        StreamSpecification: stream
          ? { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' }
          : undefined,
      }),
    );
    await waitUntilTableExists(
      { client: this.dynamodb, minDelay: 0.1, maxDelay: 1, maxWaitTime: 10 },
      { TableName },
    );
    return TableName;
  }
}

/** One function behind one table's stream. Items are named by `n`. */
export class StreamBench {
  constructor(
    readonly name: string,
    readonly mappingId: string,
    private readonly table: string,
    private readonly dynamodb: DynamoDBClient,
    private readonly lambda: LambdaClient,
    private readonly seenTable: string,
  ) {}

  async unthrottle(): Promise<void> {
    await this.lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName: this.name }));
  }

  /** Writes items, one after the other. */
  async put(...items: (string | Record<string, AttributeValue>)[]): Promise<void> {
    for (const item of items)
      await this.dynamodb.send(
        new PutItemCommand({
          TableName: this.table,
          Item: typeof item === 'string' ? { n: { S: item } } : item,
        }),
      );
  }

  async delete(n: string): Promise<void> {
    await this.dynamodb.send(new DeleteItemCommand({ TableName: this.table, Key: { n: { S: n } } }));
  }

  /** What the function saw so far, in the order of its invocations. */
  async seen(): Promise<{ records: StreamRecord[]; running: number }[]> {
    const { Items = [] } = await this.dynamodb.send(
      new QueryCommand({
        TableName: this.seenTable,
        KeyConditionExpression: 'functionName = :name AND begins_with(#row, :prefix)',
        ExpressionAttributeNames: { '#row': 'row' },
        ExpressionAttributeValues: { ':name': { S: this.name }, ':prefix': { S: 'invocation ' } },
      }),
    );
    return Items.map((item) => ({
      records: JSON.parse(item['records']!.S!) as StreamRecord[],
      running: Number(item['running']!.N),
    }));
  }

  /** The `n` of the records of each invocation so far, joined. */
  async batches(): Promise<string[]> {
    return (await this.seen()).map(({ records }) =>
      records.map(({ dynamodb }) => (dynamodb.Keys['n'] as { S: string }).S).join(' '),
    );
  }
}
