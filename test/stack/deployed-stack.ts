import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { deployStack, destroyStack } from '../../targets/deploy.js';
import { startEventSourceRunner, type EventSourceRunner } from '../../targets/event-source/index.js';
import { stackContext } from '../../targets/stack-context.js';
import type { Target } from '../../targets/target.js';
import { drained } from '../../targets/drained.js';
import type { EmbeddedTarget } from '../../targets/embedded/index.js';
import { cannotHold, chooseTarget, expectNoStack } from '../../targets/index.js';
import { workerProcesses } from '../../drive/faults/worker-processes.js';
import { LedgerDatabase, ledgerTest } from './ledger.js';
import { MailProvider, mailTest } from './mail-provider.js';
import { refundTest } from './refunds.js';
import { Subscriber, subscriberTest } from './subscriber.js';
import { stackTarget, suiteMessages } from './stack-target.js';

const stackName = 'ExactlyOnceReference';
const setUpMs = 900_000;

/** Outputs of the reference stack that the tests use. */
export type OutputName =
  | 'ApiUrl'
  | 'AcceptedTableName'
  | 'PaymentsQueueUrl'
  | 'PaymentsDeadLetterQueueUrl'
  | 'AccountsTableName'
  | 'PaymentsTableName'
  | 'ShopTableName'
  | 'OutboxTableName'
  | 'MailsTableName'
  | 'ReceiptMailsQueueUrl'
  | 'ReceiptMailsFunctionName'
  | 'LedgerQueueUrl'
  | 'LedgerFunctionName'
  | 'ActivityQueueUrl'
  | 'ActivityTableName'
  | 'SettlementFunctionName'
  | 'ActivityFunctionName'
  | 'RelayFunctionName'
  | 'ProviderEventsUrl'
  | 'ProviderSecretArn'
  | 'RefundsQueueUrl'
  | 'RefundsTableName'
  | 'RefundsFunctionName'
  | 'SubscriberIntakeFunctionName'
  | 'SubscriberWorkerFunctionName';

/** The reference stack on the target of this run: deployed before the first test, deleted after the last. */
export class DeployedStack {
  private running: { target: Target; dynamo: DynamoDBClient; sqs: SQSClient } | undefined;
  private outputs: Readonly<Record<string, string>> = {};
  private runner: EventSourceRunner | undefined;
  private provider: MailProvider | undefined;
  private told: Subscriber | undefined;
  private postgres: LedgerDatabase | undefined;

  /** To be called while tests are defined. */
  constructor() {
    let deployed = false;
    const options = { stack: stackName, context: {} };
    beforeAll(async () => {
      const chosen = stackTarget();
      const target = await chooseTarget({ ...chosen, messages: suiteMessages }, { log });
      this.running = { target, dynamo: new DynamoDBClient(target.client), sqs: new SQSClient(target.client) };
      if (cannotHold(chosen.kind, mailTest) === undefined) this.provider = await MailProvider.start();
      if (cannotHold(chosen.kind, subscriberTest) === undefined) this.told = await Subscriber.start();
      if (cannotHold(chosen.kind, ledgerTest) === undefined) this.postgres = await LedgerDatabase.start();
      options.context = {
        ...stackContext(target),
        ...(this.provider === undefined ? {} : { mailProviderUrl: this.provider.url }),
        ...(this.postgres !== undefined && { postgresUrl: this.postgres.url }),
        ...(hasWebhooks() && { webhooks: 'true' }),
        ...(this.told !== undefined && { subscriberNetwork: '127.0.0.0/8' }),
      };
      if (chosen.target !== 'embedded') {
        await expectNoStack(target, stackName);
        deployed = true;
      }
      this.outputs = await deployStack(target, { ...options, log });
      await this.resume();
    }, setUpMs);
    afterAll(async () => {
      await this.pause();
      if (deployed) await destroyStack(this.target, { ...options, log });
      this.running?.dynamo.destroy();
      this.running?.sqs.destroy();
      await this.running?.target.stop();
      await this.provider?.stop();
      await this.told?.stop();
      await this.postgres?.stop();
    }, setUpMs);
  }

  get target(): Target {
    return this.now().target;
  }

  get dynamo(): DynamoDBClient {
    return this.now().dynamo;
  }

  get sqs(): SQSClient {
    return this.now().sqs;
  }

  /** What the stack's mails go to, on targets that hold the test of them. */
  get mailProvider(): MailProvider {
    if (this.provider === undefined) throw new Error('the stack was deployed without a mail provider');
    return this.provider;
  }

  /** Who is told of payments, on targets that hold the test of it. */
  get subscriber(): Subscriber {
    if (this.told === undefined) throw new Error('the stack was deployed without a subscriber');
    return this.told;
  }

  /** Processes that run a function, on the target of this machine. */
  async workers(name: OutputName): Promise<readonly number[]> {
    const { pid } = this.target as Partial<EmbeddedTarget>;
    if (pid === undefined) throw new Error('the processes of this target are out of reach');
    return workerProcesses(pid, this.output(name));
  }

  /** What settled payments are posted to, on targets that hold the test of it. */
  get ledger(): LedgerDatabase {
    if (this.postgres === undefined) throw new Error('the stack was deployed without a ledger');
    return this.postgres;
  }

  output(name: OutputName): string {
    const value = this.outputs[name];
    if (value === undefined) throw new Error(`the stack has no output ${name}`);
    return value;
  }

  /** Nothing is taken from the queues until `resume`. Does nothing where the target polls. */
  async pause(): Promise<void> {
    await this.runner?.stop();
    this.runner = undefined;
  }

  async resume(): Promise<void> {
    if (this.target.polls === 'target') return;
    this.runner = await startEventSourceRunner(this.target, {
      functionNames: [
        this.output('SettlementFunctionName'),
        this.output('ActivityFunctionName'),
        this.output('RelayFunctionName'),
        ...(this.provider === undefined ? [] : [this.output('ReceiptMailsFunctionName')]),
        ...(this.postgres === undefined ? [] : [this.output('LedgerFunctionName')]),
        ...(hasWebhooks() ? [this.output('RefundsFunctionName')] : []),
        ...(this.told === undefined
          ? []
          : [this.output('SubscriberIntakeFunctionName'), this.output('SubscriberWorkerFunctionName')]),
      ],
    });
  }

  /** Resolves when a queue is empty. */
  async quiet(
    name: 'PaymentsQueueUrl' | 'ActivityQueueUrl' | 'ReceiptMailsQueueUrl' | 'RefundsQueueUrl',
  ): Promise<void> {
    if (this.runner !== undefined) return this.runner.idle(500);
    await drained(this.sqs, [this.output(name)]);
  }

  private now(): { target: Target; dynamo: DynamoDBClient; sqs: SQSClient } {
    if (this.running === undefined) throw new Error('the stack is not deployed yet: use it in tests only');
    return this.running;
  }
}

/** Whether the target takes what webhooks come in by. */
const hasWebhooks = () => cannotHold(stackTarget().kind, refundTest) === undefined;

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
