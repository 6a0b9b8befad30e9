/** A record as it lies in its partition. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME';
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/** What is written to a topic. */
export interface NewRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[];
}

/** A topic, as far as the runner needs one: in memory for tests, or a broker's. */
export interface TopicLog {
  readonly topic: string;
  partitions(): Promise<readonly number[]>;
  /** Records of a partition from an offset on, in order: at most `most`, none at its end. Committed ones only. */
  read(partition: number, from: number, most: number): Promise<readonly LogRecord[]>;
  /** The first offset that is there, and the one that the next record will have. */
  bounds(partition: number): Promise<{ readonly first: number; readonly end: number }>;
  /** The offset that a consumer group goes on at. Undefined: it has committed none. */
  committed(group: string, partition: number): Promise<number | undefined>;
  commit(group: string, partition: number, offset: number): Promise<void>;
  /** For an on-failure topic. */
  append(record: NewRecord): Promise<void>;
}
