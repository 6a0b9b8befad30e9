/** What a transformer is told, as JSON. */
export interface TransformOrder {
  /** `plain`: the same client without transactions, at least once. */
  readonly mode: 'processor' | 'plain';
  /** Folder in which the client is installed. */
  readonly client: string;
  readonly servers: string;
  readonly group: string;
  readonly input: string;
  readonly output: string;
  readonly commitIntervalMs: number;
  readonly maxBatch: number;
}

/** Makes topics, and fills the first one. */
export interface FillOrder {
  readonly mode: 'fill';
  readonly client: string;
  readonly servers: string;
  readonly topics: readonly string[];
  readonly records: number;
  /** Of a record. */
  readonly bytes: number;
}

type Done<T> = (error: Error | null, value: T) => void;

interface PlainMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer | null;
  readonly key?: Buffer | string | null;
}

/** What the plain transformer uses of the client. */
export interface PlainClient {
  readonly KafkaConsumer: new (settings: object, topicSettings: object) => PlainConsumer;
  readonly Producer: new (settings: object, topicSettings: object) => PlainProducer;
}

export interface PlainConsumer {
  connect(options: object, done: Done<unknown>): void;
  subscribe(topics: readonly string[]): void;
  consume(most: number, done: Done<PlainMessage[]>): void;
  setDefaultConsumeTimeout(ms: number): void;
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  commitCb(
    offsets: readonly { topic: string; partition: number; offset: number }[],
    done: Done<unknown>,
  ): void;
}

export interface PlainProducer {
  connect(options: object, done: Done<unknown>): void;
  produce(topic: string, partition: null, value: Buffer | null, key: Buffer | string | null): void;
  setPollInterval(ms: number): void;
  flush(ms: number, done: Done<unknown>): void;
}
