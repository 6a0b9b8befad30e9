import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type MessageAttributeValue,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import type { SQSMessageAttributes } from 'aws-lambda';
import type { Accepted } from './engine.js';
import type { InProcessQueue } from './in-process-queue.js';
import { noSuchQueue } from './sqs-errors.js';
import { assertSqsRequest } from './sqs-limits.js';

/**
 * What the package asks of SQS, on queues in memory. A queue's URL is its name; receives are the mapping's, and the
 * model plays it. A changed visibility is looked at and then forgotten: the model ends visibilities as it likes,
 * which is what a consumer has to live with.
 */
export class InProcessSqs {
  readonly #queues: ReadonlyMap<string, InProcessQueue>;

  constructor(queues: readonly InProcessQueue[]) {
    this.#queues = new Map(queues.map((queue) => [queue.url, queue]));
  }

  /** @throws what SQS answers to a request that it refuses at once. */
  start(command: { readonly input: object }): Accepted {
    assertSqsRequest(command.constructor.name, command.input);
    if (command instanceof GetQueueUrlCommand) {
      const { QueueName = '' } = command.input;
      return { finish: () => ({ QueueUrl: this.#queue(QueueName).url }) };
    }
    if (command instanceof GetQueueAttributesCommand) {
      const queue = this.#queue(command.input.QueueUrl);
      return { finish: () => ({ Attributes: { CreatedTimestamp: '1767225600', QueueArn: queue.arn } }) };
    }
    if (command instanceof SendMessageCommand) {
      const queue = this.#queue(command.input.QueueUrl);
      return { finish: () => this.#send(queue, command.input) };
    }
    if (command instanceof SendMessageBatchCommand) {
      const { QueueUrl, Entries = [] } = command.input;
      const queue = this.#queue(QueueUrl);
      const finish = () => ({
        Successful: Entries.map((entry) => ({ Id: entry.Id, ...this.#send(queue, entry) })),
        Failed: [],
      });
      return { finish };
    }
    if (
      command instanceof ChangeMessageVisibilityCommand ||
      command instanceof ChangeMessageVisibilityBatchCommand
    ) {
      this.#queue(command.input.QueueUrl);
      return { finish: () => ({ Successful: [], Failed: [] }) };
    }
    throw new Error(`the in-process SQS does not know ${command.constructor.name}`);
  }

  #queue(url = ''): InProcessQueue {
    const queue = this.#queues.get(url);
    if (queue === undefined) throw noSuchQueue();
    return queue;
  }

  #send(queue: InProcessQueue, message: Omit<SendMessageCommandInput, 'QueueUrl'>) {
    const { MessageBody: text = '', MessageGroupId: group = '', MessageDeduplicationId } = message;
    const attributes = received(message.MessageAttributes);
    queue.send({ text, group, attributes, deduplicationId: MessageDeduplicationId });
    return { MessageId: 'sent' };
  }
}

/** Attributes as Lambda hands them over. */
function received(sent: Readonly<Record<string, MessageAttributeValue>> = {}): SQSMessageAttributes {
  return Object.fromEntries(
    Object.entries(sent).map(([name, { DataType = 'String', StringValue, BinaryValue }]) => [
      name,
      {
        dataType: DataType,
        stringValue: StringValue,
        binaryValue: BinaryValue && Buffer.from(BinaryValue).toString('base64'),
      },
    ]),
  );
}
