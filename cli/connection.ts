import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { assertConsumerName } from '../runtime/dedup/identity.js';
import { CliError } from './cli-error.js';
import type { ConsumerOptions } from './consumer-options.js';
import { deployedConsumer } from './deployed-function.js';
import { assertConsumerOf } from './known-names.js';
import { warn } from './output.js';
import { NotKnown } from './permission.js';
import { queueUrlOf } from './queue-url.js';
import { assertDeadLettersOf, assertHasDeadLetters, redrivePolicy } from './redrive-policy.js';

/** The consumer that a command is about, as far as it is known, and the clients to reach it. */
export class Connection implements Disposable {
  readonly #queue: string | undefined;
  readonly #deadLetterQueue: string | undefined;
  /** One of the two was given by hand, so they may not belong together. */
  readonly #queuesByHand: boolean;

  private constructor(
    readonly sqs: SQSClient,
    readonly dynamodb: DynamoDBClient,
    readonly consumerName: string,
    readonly dedupTable: string | undefined,
    readonly receiptRetentionSeconds: number | undefined,
    queue: string | undefined,
    deadLetterQueue: string | undefined,
    queuesByHand: boolean,
  ) {
    this.#queue = queue;
    this.#deadLetterQueue = deadLetterQueue;
    this.#queuesByHand = queuesByHand;
  }

  /**
   * What the command line says wins over what the deployed function says. A name that is given by hand is compared
   * with the rows of the table.
   *
   * @throws CliError when the consumer's name is not known, or cannot be right
   * @throws InvalidSettings when it cannot be one
   */
  static async open(options: ConsumerOptions, { compare = true } = {}): Promise<Connection> {
    const client = clientSettings(options);
    const deployed = options.function === undefined ? {} : await deployedConsumer(options.function, client);
    const consumerName = options.consumer ?? deployed.consumerName;
    if (consumerName === undefined) throw missing('the consumer', '--consumer');
    assertConsumerName(consumerName);
    const connection = new Connection(
      // Else the client follows the host in a queue's URL, past the endpoint that it was given.
      new SQSClient({ ...client, useQueueUrlAsEndpoint: false }),
      new DynamoDBClient(client),
      consumerName,
      options.dedupTable ?? deployed.dedupTable,
      options.receiptRetention ?? deployed.receiptRetentionSeconds,
      options.queue ?? deployed.queueUrl,
      options.deadLetterQueue ?? deployed.deadLetterQueueUrl,
      options.queue !== undefined || options.deadLetterQueue !== undefined,
    );
    const byHand = options.consumer !== undefined || options.dedupTable !== undefined;
    if (compare && byHand) await connection.#compareNames();
    return connection;
  }

  async #compareNames(): Promise<void> {
    const { dynamodb, dedupTable, consumerName } = this;
    if (dedupTable === undefined) return;
    const notKnown = new NotKnown();
    try {
      await assertConsumerOf(dynamodb, dedupTable, consumerName, notKnown);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    for (const sentence of notKnown.all) warn(`not compared: ${sentence}`);
  }

  /** @throws CliError when it is not known. */
  get receiptTable(): string {
    if (this.dedupTable === undefined) throw missing('the table of the receipts', '--dedup-table');
    return this.dedupTable;
  }

  /** URL of the queue that the consumer reads. @throws CliError when it is not known. */
  async queueUrl(): Promise<string> {
    if (this.#queue === undefined) throw missing('the queue', '--queue');
    return await queueUrlOf(this.sqs, this.#queue);
  }

  /**
   * URL of the queue that the consumer reads, for what is sent there to tell it something.
   *
   * @throws CliError when it is not known, is one of dead letters, or has its own elsewhere than the consumer
   */
  async sourceQueueUrl(): Promise<string> {
    const url = await this.queueUrl();
    if (this.#queuesByHand) {
      await this.#compared(`whether ${url} has dead letters`, 'sqs:GetQueueAttributes', () =>
        assertHasDeadLetters(this.sqs, url),
      );
      if (this.#deadLetterQueue !== undefined) await this.deadLetterQueueUrl();
    }
    return url;
  }

  /**
   * URL of the dead-letter queue, undefined when neither it nor the queue is known.
   *
   * @throws CliError when it is not that of the queue
   */
  async deadLetterQueueUrl(): Promise<string | undefined> {
    if (this.#deadLetterQueue !== undefined) {
      const url = await queueUrlOf(this.sqs, this.#deadLetterQueue);
      if (this.#queuesByHand && this.#queue !== undefined)
        await assertDeadLettersOf(this.sqs, await this.queueUrl(), url);
      return url;
    }
    if (this.#queue === undefined) return undefined;
    const { deadLetters } = await redrivePolicy(this.sqs, await this.queueUrl());
    return deadLetters && (await queueUrlOf(this.sqs, deadLetters));
  }

  async #compared(what: string, permission: string, work: () => Promise<void>): Promise<void> {
    const notKnown = new NotKnown();
    await notKnown.unlessDenied(what, permission, work);
    for (const sentence of notKnown.all) warn(`not compared: ${sentence}`);
  }

  /** @throws CliError when it is not known. */
  async someDeadLetterQueueUrl(): Promise<string> {
    const url = await this.deadLetterQueueUrl();
    if (url === undefined) throw missing('the dead-letter queue', '--dead-letter-queue');
    return url;
  }

  [Symbol.dispose](): void {
    this.sqs.destroy();
    this.dynamodb.destroy();
  }
}

function missing(what: string, option: string): CliError {
  return new CliError(
    `${what} is not known: give ${option}, or --function with the name of the consumer's function`,
  );
}

/** What every client is made with. */
export function clientSettings({ region, endpoint }: Pick<ConsumerOptions, 'region' | 'endpoint'>): {
  readonly region?: string;
  readonly endpoint?: string;
} {
  return { ...(region && { region }), ...(endpoint && { endpoint }) };
}
