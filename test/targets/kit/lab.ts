import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  QueryCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  type CreateEventSourceMappingRequest,
} from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type MessageAttributeValue,
} from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  startEventSourceRunner,
  type EventSourceRunner,
  type Invocation,
} from '../../../targets/event-source/index.js';
import type { SqsRecord } from '../../../targets/event-source/record.js';
import type { Target } from '../../../targets/target.js';
import type { Behaviour } from './harness.js';
import { zip } from './zip.js';

export interface BenchOptions {
  /** What the function does with each batch. Must not refer to anything but its arguments and globals. */
  behaviour: Behaviour;
  /** @default true */
  fifo?: boolean;
  /** @default 2 */
  visibilitySeconds?: number;
  /** @default 3 */
  functionTimeoutSeconds?: number;
  /** @default - no dead-letter queue */
  maxReceiveCount?: number;
  /** @default - none */
  reservedConcurrency?: number;
  /** @default - ReportBatchItemFailures on, disabled */
  mapping?: Partial<CreateEventSourceMappingRequest>;
}

export interface Outgoing {
  body: string;
  /** On a FIFO queue. @default 'g' */
  group?: string;
  delaySeconds?: number;
  attributes?: Record<string, MessageAttributeValue>;
}

/** What the function saw. */
export interface SeenInvocation {
  records: SqsRecord[];
  /** Invocations of the function at its start, itself included. */
  running: number;
  /** The same within the record's message group, the highest of the batch. */
  runningInGroup: number;
}

/** Functions, queues and mappings on a target for the tests of the event-source runner. */
export class Lab {
  private readonly sqs: SQSClient;
  private readonly lambda: LambdaClient;
  private readonly dynamodb: DynamoDBClient;
  private readonly table = `runner-lab-${randomUUID()}`;
  private readonly cleanUps: (() => Promise<unknown>)[] = [];
  private harness = '';

  constructor(private readonly target: Target) {
    this.sqs = new SQSClient(target.client);
    this.lambda = new LambdaClient(target.client);
    this.dynamodb = new DynamoDBClient(target.client);
  }

  async open(): Promise<void> {
    const bundle = await build({
      entryPoints: [join(__dirname, 'harness.ts')],
      bundle: true,
      platform: 'node',
      target: 'node24',
      external: ['./behaviour.js'],
      write: false,
      logLevel: 'error',
    });
    this.harness = bundle.outputFiles[0]!.text;
    await this.dynamodb.send(
      new CreateTableCommand({
        TableName: this.table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'functionName', AttributeType: 'S' },
          { AttributeName: 'row', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'functionName', KeyType: 'HASH' },
          { AttributeName: 'row', KeyType: 'RANGE' },
        ],
      }),
    );
    await waitUntilTableExists(
      { client: this.dynamodb, minDelay: 1, maxWaitTime: 10 },
      { TableName: this.table },
    );
  }

  async close(): Promise<void> {
    await this.dynamodb.send(new DeleteTableCommand({ TableName: this.table }));
    for (const client of [this.sqs, this.lambda, this.dynamodb]) client.destroy();
  }

  /** Removes what `bench` and `run` made: in an afterEach, or idle function processes pile up. */
  async clear(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).reverse()) await cleanUp();
  }

  async bench(options: BenchOptions): Promise<Bench> {
    const { fifo = true, visibilitySeconds = 2, maxReceiveCount } = options;
    const name = `lab-${randomUUID()}`;
    const suffix = fifo ? '.fifo' : '';
    const kind = fifo ? { FifoQueue: 'true' } : undefined;
    let deadLetterUrl: string | undefined;
    let redrive: Record<string, string> = {};
    if (maxReceiveCount !== undefined) {
      deadLetterUrl = await this.queue(`${name}-dead${suffix}`, kind ?? {});
      const deadLetterTargetArn = this.arn('sqs', `${name}-dead${suffix}`);
      redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) };
    }
    const queueUrl = await this.queue(`${name}${suffix}`, {
      ...kind,
      ...redrive,
      VisibilityTimeout: String(visibilitySeconds),
    });
    const files = {
      'index.js': this.harness,
      'behaviour.js': `exports.behave = ${options.behaviour.toString()};`,
    };
    await this.lambda.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: `arn:aws:iam::${this.target.account}:role/lab`,
        Timeout: options.functionTimeoutSeconds ?? 3,
        Environment: { Variables: { TABLE: this.table } },
        Code: { ZipFile: zip(files) },
      }),
    );
    this.cleanUps.push(() => this.lambda.send(new DeleteFunctionCommand({ FunctionName: name })));
    if (options.reservedConcurrency !== undefined) {
      await this.lambda.send(
        new PutFunctionConcurrencyCommand({
          FunctionName: name,
          ReservedConcurrentExecutions: options.reservedConcurrency,
        }),
      );
    }
    const mapping = await this.lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: name,
        EventSourceArn: this.arn('sqs', `${name}${suffix}`),
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        // The target's own poller would take what a test sends before the runner is there.
        Enabled: false,
        ...options.mapping,
      }),
    );
    this.cleanUps.push(() => this.lambda.send(new DeleteEventSourceMappingCommand({ UUID: mapping.UUID })));
    // A cold start on a busy machine can outlast the short visibility timeouts of these tests.
    await this.lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ Records: [] }) }),
    );
    return new Bench(name, mapping.UUID!, queueUrl, deadLetterUrl, fifo, this.sqs, this.dynamodb, this.table);
  }

  /** Starts the runner for the benches alone. */
  async run(...benches: Bench[]): Promise<EventSourceRunner & { invocations: Invocation[] }> {
    const invocations: Invocation[] = [];
    const runner = await startEventSourceRunner(this.target, {
      functionNames: benches.map(({ name }) => name),
      onInvocation: (invocation) => invocations.push(invocation),
    });
    this.cleanUps.push(() => runner.stop());
    return { ...runner, invocations };
  }

  private async queue(name: string, attributes: Record<string, string>): Promise<string> {
    const { QueueUrl } = await this.sqs.send(
      new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
    );
    this.cleanUps.push(() => this.sqs.send(new DeleteQueueCommand({ QueueUrl })));
    return QueueUrl!;
  }

  private arn(service: string, name: string): string {
    return `arn:aws:${service}:${this.target.region}:${this.target.account}:${name}`;
  }
}

/** One function behind one queue. */
export class Bench {
  constructor(
    readonly name: string,
    readonly mappingId: string,
    private readonly queueUrl: string,
    private readonly deadLetterUrl: string | undefined,
    private readonly fifo: boolean,
    private readonly sqs: SQSClient,
    private readonly dynamodb: DynamoDBClient,
    private readonly table: string,
  ) {}

  /** Sends one after the other. Returns the message ids. */
  async send(...messages: Outgoing[]): Promise<string[]> {
    const ids: string[] = [];
    for (const { body, group, delaySeconds, attributes } of messages) {
      const { MessageId } = await this.sqs.send(
        new SendMessageCommand({
          QueueUrl: this.queueUrl,
          MessageBody: body,
          MessageAttributes: attributes,
          DelaySeconds: delaySeconds,
          ...(this.fifo && { MessageGroupId: group ?? 'g', MessageDeduplicationId: randomUUID() }),
        }),
      );
      ids.push(MessageId!);
    }
    return ids;
  }

  /** What the function saw so far, in the order of its invocations. */
  async seen(): Promise<SeenInvocation[]> {
    const { Items = [] } = await this.dynamodb.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'functionName = :name AND begins_with(#row, :prefix)',
        ExpressionAttributeNames: { '#row': 'row' },
        ExpressionAttributeValues: { ':name': { S: this.name }, ':prefix': { S: 'invocation ' } },
      }),
    );
    return Items.map((item) => ({
      records: JSON.parse(item['records']!.S!) as SqsRecord[],
      running: Number(item['running']!.N),
      runningInGroup: Number(item['runningInGroup']!.N),
    }));
  }

  /** The bodies of each invocation so far. */
  async seenBodies(): Promise<string[][]> {
    return (await this.seen()).map(({ records }) => records.map(({ body }) => body));
  }

  /** How many messages the queue holds: to be received, hidden by their visibility timeout, delayed. */
  async left(): Promise<{ visible: number; hidden: number; delayed: number }> {
    const { Attributes = {} } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.queueUrl, AttributeNames: ['All'] }),
    );
    return {
      visible: Number(Attributes['ApproximateNumberOfMessages']),
      hidden: Number(Attributes['ApproximateNumberOfMessagesNotVisible']),
      delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed']),
    };
  }

  /** The bodies in the dead-letter queue. */
  async dead(): Promise<string[]> {
    const { Messages = [] } = await this.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.deadLetterUrl, MaxNumberOfMessages: 10 }),
    );
    return Messages.map(({ Body }) => Body!);
  }
}
