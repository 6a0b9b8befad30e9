import type { LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { GroupGuard } from './group-guard.js';
import { invoke, type InvocationResult } from './invoke.js';
import type { Mapping } from './mapping.js';
import { toRecord, type SqsRecord } from './record.js';
import { readResponse, type Verdict } from './response.js';
import type { LogRecord } from './kafka/log.js';
import type { StreamRecord } from './streams/record.js';

/** One finished invocation. */
export interface Invocation {
  readonly functionName: string;
  /** Of the queue or the stream. */
  readonly sourceArn: string;
  readonly records: number;
  readonly durationMs: number;
  /** `partial`: some records failed. `error`: all did. */
  readonly outcome: 'ok' | 'partial' | 'error';
  /** Records that stay in the queue or, of a stream, come again. */
  readonly failed: number;
  /** Why the batch failed as a whole. */
  readonly functionError?: string;
  /** The last 4 KB of the function's log. */
  readonly logTail: string;
}

/** What the function is about to be given from a queue. */
export interface InvocationStart {
  readonly functionName: string;
  readonly records: readonly SqsRecord[];
}

/** What the function is about to be given from a stream. */
export interface StreamInvocationStart {
  readonly functionName: string;
  readonly records: readonly StreamRecord[];
}

/** What the function is about to be given from a topic. */
export interface KafkaInvocationStart {
  readonly functionName: string;
  readonly records: readonly LogRecord[];
}

/** What a caller wants to know of invocations. */
export interface InvocationHooks {
  /**
   * Called right before the function is. What it returns is called when this invocation has ended, before
   * `onInvocation`.
   */
  readonly onStart?: (start: InvocationStart) => ((ended: Invocation) => void) | undefined;
  /** The same for the batches of streams. */
  readonly onStreamStart?: (start: StreamInvocationStart) => ((ended: Invocation) => void) | undefined;
  /** The same for the batches of topics. */
  readonly onKafkaStart?: (start: KafkaInvocationStart) => ((ended: Invocation) => void) | undefined;
  /** Called after each invocation, when its successful messages have been deleted. */
  readonly onInvocation?: (invocation: Invocation) => void;
}

/** A received message and when SQS shows it to others again, in milliseconds since the epoch. */
interface Delivery {
  readonly record: SqsRecord;
  readonly visibleAt: number;
}

const outcomes = { 'all-succeeded': 'ok', 'some-failed': 'partial', 'all-failed': 'error' } as const;
const messagesPerReceive = 10;
/** Lambda's limit for the payload of an invocation, less what the envelope takes. */
const payloadBytes = 6 * 1024 * 1024 - 64 * 1024;
const idlePauseMs = 100;
/** While invocations run, one of them ending can make a locked group available. */
const busyPauseMs = 50;

/** Reads one mapping's queue and invokes its function, until it is stopped. */
export class Poller {
  readonly #guard = new GroupGuard();
  readonly #running = new Set<Promise<void>>();
  /** Received, but too big for the batch it came with. */
  readonly #carried: Delivery[] = [];
  #stopping = false;
  #failure: { readonly cause: unknown } | undefined;
  #quietFrom = Date.now();
  /** How many have been started. */
  invocations = 0;

  readonly #mapping: Mapping;
  readonly #concurrency: number;
  readonly #sqs: SQSClient;
  readonly #lambda: LambdaClient;
  readonly #hooks: InvocationHooks;

  constructor(
    mapping: Mapping,
    concurrency: number,
    sqs: SQSClient,
    lambda: LambdaClient,
    hooks: InvocationHooks,
  ) {
    this.#mapping = mapping;
    this.#concurrency = concurrency;
    this.#sqs = sqs;
    this.#lambda = lambda;
    this.#hooks = hooks;
  }

  /** Milliseconds since a message was last received or an invocation ended. 0 while one runs. */
  get quietMs(): number {
    return this.#running.size > 0 ? 0 : Date.now() - this.#quietFrom;
  }

  /** Resolves after `stop`, when what was received has been dealt with. Rejects when the target does not answer. */
  async run(): Promise<void> {
    try {
      while (!this.#stopping || this.#carried.length > 0) {
        if (this.#running.size >= this.#concurrency) {
          await Promise.race(this.#running);
          continue;
        }
        const batch = await this.#collect();
        if (batch.length > 0) this.#start(batch);
        else if (this.#running.size > 0) await Promise.race([...this.#running, sleep(busyPauseMs)]);
        else await sleep(idlePauseMs);
      }
    } finally {
      await Promise.all(this.#running);
    }
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  stop(): void {
    this.#stopping = true;
  }

  /**
   * The next batch, empty when the queue has nothing: what one receive brings or, with a batching window, all until
   * it is full, 6 MB, or the window ends.
   * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
   */
  async #collect(): Promise<Delivery[]> {
    const { batchSize, batchingWindowSeconds } = this.#mapping;
    const batch: Delivery[] = [];
    let bytes = 0;
    let closes = Infinity;
    for (;;) {
      const received =
        this.#carried.length > 0
          ? this.#carried.splice(0, batchSize)
          : await this.#receive(Math.min(messagesPerReceive, batchSize - batch.length));
      for (const [index, delivery] of received.entries()) {
        const size = Buffer.byteLength(JSON.stringify(delivery.record));
        if (batch.length > 0 && bytes + size > payloadBytes) {
          this.#carried.unshift(...received.slice(index));
          return batch;
        }
        batch.push(delivery);
        bytes += size;
      }
      if (batch.length === 0) return batch;
      if (closes === Infinity) closes = Date.now() + batchingWindowSeconds * 1000;
      const left = closes - Date.now();
      if (batch.length >= batchSize || left <= 0 || this.#stopping) return batch;
      if (received.length === 0) await sleep(Math.min(busyPauseMs, left));
    }
  }

  /** One ReceiveMessage. Messages that the mapping's filters reject are deleted from the queue. */
  async #receive(atMost: number): Promise<Delivery[]> {
    const { queueUrl, queueArn, visibilityTimeoutSeconds, filter } = this.#mapping;
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: atMost,
        // No long poll: the emulator's own is a loop with this pause, and a poll that is given up when the runner
        // stops would take a message with it.
        WaitTimeSeconds: 0,
        // Said explicitly, so that the queue and `visibleAt` cannot disagree.
        VisibilityTimeout: visibilityTimeoutSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return [];
    this.#quietFrom = Date.now();
    const visibleAt = Date.now() + visibilityTimeoutSeconds * 1000;
    const deliveries = Messages.map((message) => ({ record: toRecord(message, queueArn), visibleAt }));
    const wanted = deliveries.filter(({ record }) => filter(record.body));
    await this.#delete(deliveries.filter((delivery) => !wanted.includes(delivery)));
    return wanted;
  }

  #start(batch: readonly Delivery[]): void {
    const running = this.#process(batch)
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
        this.stop();
      })
      .finally(() => {
        this.#running.delete(running);
        this.#quietFrom = Date.now();
      });
    this.#running.add(running);
  }

  async #process(batch: readonly Delivery[]): Promise<void> {
    const until = Math.min(...batch.map(({ visibleAt }) => visibleAt));
    const groups = this.#mapping.fifo
      ? [...new Set(batch.map(({ record }) => record.attributes['MessageGroupId'] ?? ''))]
      : [];
    const release = await this.#guard.take(groups, until);
    try {
      // It waited for its groups until it became visible again: the next receive brings it.
      if (groups.length > 0 && Date.now() >= until) return;
      const records = batch.map(({ record }) => record);
      const onEnd = this.#hooks.onStart?.({ functionName: this.#mapping.functionName, records });
      this.invocations += 1;
      const started = performance.now();
      const result = await invoke(this.#lambda, this.#mapping.functionArn, { Records: records }, until);
      const invocation = await this.#settle(batch, result, performance.now() - started);
      onEnd?.(invocation);
      this.#hooks.onInvocation?.(invocation);
    } finally {
      release();
    }
  }

  /** Deletes what succeeded. A failed message is left alone: it comes again when its visibility timeout ends. */
  async #settle(
    batch: readonly Delivery[],
    result: InvocationResult,
    durationMs: number,
  ): Promise<Invocation> {
    const ids = batch.map(({ record }) => record.messageId);
    const verdict: Verdict =
      result.functionError === undefined
        ? readResponse(result.payload, ids, this.#mapping.reportsBatchItemFailures)
        : { kind: 'all-failed', reason: result.functionError };
    const succeeded = batch.filter(
      ({ record }) =>
        verdict.kind === 'all-succeeded' ||
        (verdict.kind === 'some-failed' && !verdict.failedIds.has(record.messageId)),
    );
    await this.#delete(succeeded);
    return {
      functionName: this.#mapping.functionName,
      sourceArn: this.#mapping.queueArn,
      records: batch.length,
      durationMs,
      outcome: outcomes[verdict.kind],
      failed: batch.length - succeeded.length,
      ...(verdict.kind === 'all-failed' && { functionError: verdict.reason }),
      logTail: result.logTail,
    };
  }

  async #delete(deliveries: readonly Delivery[]): Promise<void> {
    // On a FIFO queue AWS answers InvalidParameterValue to a handle past its visibility timeout and keeps the
    // message: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html Emulators
    // delete it, so it is not sent.
    const valid = deliveries.filter(({ visibleAt }) => !this.#mapping.fifo || Date.now() < visibleAt);
    for (let index = 0; index < valid.length; index += messagesPerReceive) {
      // What fails here is either gone already (ReceiptHandleIsInvalid) or comes again: both are right.
      await this.#sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: this.#mapping.queueUrl,
          Entries: valid
            .slice(index, index + messagesPerReceive)
            .map(({ record }, position) => ({ Id: String(position), ReceiptHandle: record.receiptHandle })),
        }),
      );
    }
  }
}
