import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** Bounds of what is held at a time: for memory, and so that all of it can be kept hidden. */
const mostMessages = 2_000;
const mostBytes = 64 * 1024 * 1024;
const perCall = 10;

/**
 * Messages of a queue that are in this process's hands: hidden from other readers until they are removed or released,
 * or until this process has been dead for `visibilitySeconds`.
 *
 * Of a FIFO queue, at most the first 10 messages of a group can be held: SQS hands out no more of a group while some
 * are in flight.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export class HeldMessages implements AsyncDisposable {
  readonly #held = new Map<string, Message>();
  readonly #heartbeat: NodeJS.Timeout;
  /** The last heartbeat: it ends before what is held is shown again, or it would hide some of it once more. */
  #beat = Promise.resolve();

  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #visibilitySeconds: number;

  constructor(sqs: SQSClient, queueUrl: string, visibilitySeconds: number) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#visibilitySeconds = visibilitySeconds;
    const beat = () => this.#change([...this.#held.values()], visibilitySeconds);
    this.#heartbeat = setInterval(() => void (this.#beat = this.#beat.then(beat)), visibilitySeconds * 300);
  }

  /** Takes what is there, up to the bounds. Everything it returns is held. */
  async gather(): Promise<Message[]> {
    const gathered: Message[] = [];
    for (let bytes = 0; this.#held.size < mostMessages && bytes < mostBytes;) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: this.#queueUrl,
          MaxNumberOfMessages: perCall,
          VisibilityTimeout: this.#visibilitySeconds,
          // A call that does not wait asks some of the servers only and may find nothing where there is something.
          // After the first call, a FIFO queue has nothing more to wait for: those groups are locked.
          WaitTimeSeconds: this.#queueUrl.endsWith('.fifo') && gathered.length > 0 ? 0 : 1,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0) break;
      for (const message of Messages) {
        this.#held.set(message.MessageId ?? '', message);
        bytes += Buffer.byteLength(message.Body ?? '');
      }
      gathered.push(...Messages);
    }
    return gathered;
  }

  /**
   * Deletes a message from the queue. One that has slipped from our hands meanwhile stays, and comes again to whoever
   * reads next.
   */
  async remove({ MessageId = '', ReceiptHandle }: Message): Promise<void> {
    this.#held.delete(MessageId);
    try {
      await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: this.#queueUrl, ReceiptHandle }));
    } catch (error) {
      if (!(error instanceof Error) || !/ReceiptHandleIsInvalid|InvalidParameterValue/.test(error.name))
        throw error;
    }
  }

  /** Shows everything that is held to other readers again, at once. */
  async release(): Promise<void> {
    const held = [...this.#held.values()];
    this.#held.clear();
    await this.#beat;
    await this.#change(held, 0);
  }

  /**
   * Messages of the queue that are not in our hands: visible, delayed, or in somebody else's. SQS counts
   * approximately.
   */
  async others(): Promise<number> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#queueUrl,
        AttributeNames: [
          'ApproximateNumberOfMessages',
          'ApproximateNumberOfMessagesNotVisible',
          'ApproximateNumberOfMessagesDelayed',
        ],
      }),
    );
    const all = Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
    return Math.max(0, all - this.#held.size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.release();
  }

  /**
   * Never throws: what is not hidden any more comes again to whoever reads next, which costs a copy and nothing else.
   */
  async #change(messages: readonly Message[], seconds: number): Promise<void> {
    const entries = messages.map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: seconds,
    }));
    for (let from = 0; from < entries.length; from += perCall)
      await this.#sqs
        .send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl: this.#queueUrl,
            Entries: entries.slice(from, from + perCall),
          }),
        )
        .catch(() => undefined);
  }
}
