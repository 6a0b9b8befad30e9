import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { assertConsumerName } from '../runtime/dedup/identity.js';
import { CliError } from './cli-error.js';
import type { ConsumerOptions } from './consumer-options.js';
import { deployedFunction } from './deployed-function.js';

/** The consumer that a command is about, as far as it is known, and the clients to reach it. */
export class Connection implements Disposable {
  readonly #queue: string | undefined;
  readonly #deadLetterQueue: string | undefined;

  private constructor(
    readonly sqs: SQSClient,
    readonly dynamodb: DynamoDBClient,
    readonly consumerName: string,
    readonly dedupTable: string | undefined,
    readonly receiptRetentionSeconds: number | undefined,
    queue: string | undefined,
    deadLetterQueue: string | undefined,
  ) {
    this.#queue = queue;
    this.#deadLetterQueue = deadLetterQueue;
  }

  /**
   * What the command line says wins over what the deployed function says.
   *
   * @throws CliError when the consumer's name is not known; InvalidSettings when it cannot be one.
   */
  static async open(options: ConsumerOptions): Promise<Connection> {
    const { region, endpoint } = options;
    const client = { ...(region && { region }), ...(endpoint && { endpoint }) };
    const deployed = options.function === undefined ? {} : await deployedFunction(options.function, client);
    const consumerName = options.consumer ?? deployed.consumerName;
    if (consumerName === undefined) throw missing('the consumer', '--consumer');
    assertConsumerName(consumerName);
    return new Connection(
      // Else the client follows the host in a queue's URL, past the endpoint that it was given.
      new SQSClient({ ...client, useQueueUrlAsEndpoint: false }),
      new DynamoDBClient(client),
      consumerName,
      options.dedupTable ?? deployed.dedupTable,
      options.receiptRetention ?? deployed.receiptRetentionSeconds,
      options.queue ?? deployed.queueUrl,
      options.deadLetterQueue ?? deployed.deadLetterQueueUrl,
    );
  }

  /** @throws CliError when it is not known. */
  get receiptTable(): string {
    if (this.dedupTable === undefined) throw missing('the table of the receipts', '--dedup-table');
    return this.dedupTable;
  }

  /** URL of the queue that the consumer reads. @throws CliError when it is not known. */
  async queueUrl(): Promise<string> {
    if (this.#queue === undefined) throw missing('the queue', '--queue');
    return await this.#url(this.#queue);
  }

  /** URL of the dead-letter queue, undefined when neither it nor the queue is known. */
  async deadLetterQueueUrl(): Promise<string | undefined> {
    if (this.#deadLetterQueue !== undefined) return await this.#url(this.#deadLetterQueue);
    if (this.#queue === undefined) return undefined;
    const QueueUrl = await this.queueUrl();
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
    );
    const policy = JSON.parse(Attributes?.RedrivePolicy ?? '{}') as { deadLetterTargetArn?: string };
    return policy.deadLetterTargetArn && (await this.#url(policy.deadLetterTargetArn));
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

  async #url(queue: string): Promise<string> {
    if (/^https?:\/\//.test(queue)) return queue;
    const [name = '', account] = queue.startsWith('arn:') ? queue.split(':').reverse() : [queue];
    try {
      const answer = await this.sqs.send(
        new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
      );
      return answer.QueueUrl ?? '';
    } catch (cause) {
      if (!(cause instanceof Error) || !/NonExistentQueue|QueueDoesNotExist/.test(cause.name)) throw cause;
      throw new CliError(
        `there is no queue '${queue}' in this account and Region: check --region, or give its URL`,
        { cause },
      );
    }
  }
}

function missing(what: string, option: string): CliError {
  return new CliError(
    `${what} is not known: give ${option}, or --function with the name of the consumer's function`,
  );
}
