import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** Polls a queue and notes when each message has arrived, by the `id` in its `data`. */
export class QueueReader {
  /** When each was first received, by `performance.now()`. */
  readonly arrivals = new Map<string, number>();
  #stopping = false;
  readonly #polling: Promise<void>;

  readonly #sqs: SQSClient;
  readonly #queueUrl: string;

  constructor(sqs: SQSClient, queueUrl: string) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#polling = this.#poll();
    // Whoever waits for events or stops the reader is told; a failure in between must not end the process.
    this.#polling.catch(() => undefined);
  }

  /** @throws Error when after `withinMs` some have not arrived, and what polling has thrown. */
  async hasAll(ids: readonly string[], withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    for (;;) {
      const missing = ids.filter((id) => !this.arrivals.has(id));
      if (missing.length === 0) return;
      if (performance.now() > until)
        throw new Error(`${missing.length} of ${ids.length} events have not arrived after ${withinMs} ms`);
      await Promise.race([sleep(50), this.#polling]);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#polling;
  }

  async #poll(): Promise<void> {
    while (!this.#stopping) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({ QueueUrl: this.#queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      const now = performance.now();
      if (Messages.length === 0) continue;
      for (const { Body = '' } of Messages) {
        const { data } = JSON.parse(Body) as { data: { id: string } };
        if (!this.arrivals.has(data.id)) this.arrivals.set(data.id, now);
      }
      await this.#remove(Messages);
    }
  }

  async #remove(messages: readonly Message[]): Promise<void> {
    await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle })),
      }),
    );
  }
}
