/**
 * What is used of `@confluentinc/kafka-javascript`, stated here so that nobody who imports this room needs its types.
 * It is the client's callback API: that one says of an error whether it is fatal and whether it asks for an abort,
 * and gives rebalances to the caller.
 */
export interface ClientModule {
  readonly KafkaConsumer: new (settings: ClientSettings, topicSettings: ClientSettings) => ClientConsumer;
  readonly Producer: new (settings: ClientSettings, topicSettings: ClientSettings) => ClientProducer;
  readonly AdminClient: { createFrom(client: ClientProducer): ClientAdmin };
}

/** Settings of librdkafka by their own names. */
export type ClientSettings = Readonly<Record<string, unknown>>;

/** An error as the client gives it. */
export interface ClientError extends Error {
  readonly code: number;
  readonly isFatal?: boolean;
  readonly isRetriable?: boolean;
  readonly isTxnRequiresAbort?: boolean;
}

export type Callback<T = unknown> = (error: ClientError | null | undefined, value: T) => void;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number;
  /** Text beside a committed offset. */
  readonly metadata?: string | null;
}

/** The broker has answered for this partition with an error of its own. */
export interface CommittedOffset extends Omit<PartitionOffset, 'offset'> {
  /** Absent or negative: none is committed. */
  readonly offset?: number;
  readonly error?: ClientError;
}

export type ClientHeaders = readonly Readonly<Record<string, Buffer | string>>[];

export interface ClientMessage extends PartitionOffset {
  readonly value: Buffer | null;
  readonly key?: Buffer | string | null;
  readonly timestamp?: number;
  readonly headers?: ClientHeaders;
}

interface Client {
  connect(options: { readonly timeout: number }, done: Callback): unknown;
  disconnect(done: Callback): unknown;
  on(event: 'event.error', listener: (error: ClientError) => void): unknown;
  // Node's event emitters throw what nobody listens for.
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

export interface ClientConsumer extends Client {
  on(event: 'event.error', listener: (error: ClientError) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  /** With the setting `enable.partition.eof`: all that can be read below this offset has been handed out. */
  on(event: 'partition.eof', listener: (end: PartitionOffset) => void): unknown;
  subscribe(topics: readonly string[]): unknown;
  consume(most: number, done: Callback<ClientMessage[]>): void;
  setDefaultConsumeTimeout(ms: number): void;
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  assign(partitions: readonly PartitionOffset[]): unknown;
  unassign(): unknown;
  pause(partitions: readonly TopicPartition[]): unknown;
  resume(partitions: readonly TopicPartition[]): unknown;
  committed(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
    done: Callback<CommittedOffset[]>,
  ): unknown;
}

export interface ClientProducer extends Client {
  on(event: 'event.error', listener: (error: ClientError) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  /** With the setting `dr_cb`. */
  on(
    event: 'delivery-report',
    listener: (error: ClientError | null | undefined, report: { readonly opaque?: unknown }) => void,
  ): unknown;
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | string | null,
    timestamp: number | null,
    /** Comes back with the report. */
    opaque: unknown,
    headers: ClientHeaders,
  ): unknown;
  setPollInterval(ms: number): unknown;
  /** Where the cluster makes topics by itself, it makes this one. */
  getMetadata(options: { readonly topic: string; readonly timeout: number }, done: Callback<Metadata>): void;
  flush(timeoutMs: number, done: Callback): unknown;
  initTransactions(timeoutMs: number, done: Callback): void;
  beginTransaction(done: Callback): void;
  commitTransaction(timeoutMs: number, done: Callback): void;
  abortTransaction(timeoutMs: number, done: Callback): void;
  sendOffsetsToTransaction(
    offsets: readonly PartitionOffset[],
    consumer: ClientConsumer,
    timeoutMs: number,
    done: Callback,
  ): void;
}

export interface Metadata {
  /** One that is not there, or may not be described, has no partitions. */
  readonly topics: readonly { readonly name: string; readonly partitions: readonly unknown[] }[];
}

export interface TopicDescription {
  readonly name: string;
  /** The client's types call the text `base64str`, its code `base64`. */
  readonly topicId?: { readonly base64?: string; readonly base64str?: string };
  readonly partitions?: readonly unknown[];
  readonly error?: ClientError;
}

export interface ListedOffset extends PartitionOffset {
  readonly error?: ClientError;
}

export interface ClientAdmin {
  describeTopics(
    topics: readonly string[],
    options: { readonly timeout: number },
    done: Callback<TopicDescription[]>,
  ): void;
  listOffsets(
    partitions: readonly (TopicPartition & { readonly offset: unknown })[],
    options: { readonly timeout: number; readonly isolationLevel: number },
    done: Callback<ListedOffset[]>,
  ): void;
  disconnect(): void;
}

/** In milliseconds: a client that cannot say goodbye does not keep its process from ending. */
const closeMs = 10_000;

/** Never throws, and takes 10 s at most. */
export async function closed(client: Pick<Client, 'disconnect'>): Promise<void> {
  await Promise.race([
    called((done) => client.disconnect(done)).catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, closeMs).unref()),
  ]);
}

/** Turns a call with a callback into a promise. */
export function called<T>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(error);
    });
  });
}
