import type { LogRecord, NewRecord, TopicLog } from './log.js';

export interface AppendOptions {
  /** @default - by the key, else in turn */
  readonly partition?: number;
  /** Offsets that are no records in front of it, as a transaction's marker or a compacted record. @default 0 */
  readonly gap?: number;
  /** @default - now */
  readonly timestamp?: number;
}

/** A topic in memory. Deleted and made again, it is a new one. */
export class MemoryLog implements TopicLog {
  readonly #partitions: LogRecord[][];
  readonly #ends: number[];
  readonly #committed = new Map<string, number>();
  #turn = 0;

  constructor(
    readonly topic: string,
    partitions = 1,
  ) {
    this.#partitions = Array.from({ length: partitions }, () => []);
    this.#ends = Array.from({ length: partitions }, () => 0);
  }

  partitions(): Promise<readonly number[]> {
    return Promise.resolve([...this.#partitions.keys()]);
  }

  read(partition: number, from: number, most: number): Promise<readonly LogRecord[]> {
    const records = this.#partitions[partition] ?? [];
    return Promise.resolve(records.filter(({ offset }) => offset >= from).slice(0, most));
  }

  bounds(partition: number): Promise<{ first: number; end: number }> {
    const end = this.#ends[partition] ?? 0;
    return Promise.resolve({ first: this.#partitions[partition]?.[0]?.offset ?? end, end });
  }

  committed(group: string, partition: number): Promise<number | undefined> {
    return Promise.resolve(this.#committed.get(`${group} ${partition}`));
  }

  commit(group: string, partition: number, offset: number): Promise<void> {
    this.#committed.set(`${group} ${partition}`, offset);
    return Promise.resolve();
  }

  append(record: NewRecord, options: AppendOptions = {}): Promise<void> {
    this.put(record, options);
    return Promise.resolve();
  }

  /** Appends a record. @returns it, as it lies there. */
  put(
    { key, value, headers = [] }: NewRecord,
    { partition, gap = 0, timestamp = Date.now() }: AppendOptions = {},
  ): LogRecord {
    const at = (partition ?? (key === null ? this.#turn++ : hash(key))) % this.#partitions.length;
    const offset = (this.#ends[at] ?? 0) + gap;
    const record = {
      partition: at,
      offset,
      timestamp,
      timestampType: 'CREATE_TIME' as const,
      key,
      value,
      headers,
    };
    this.#ends[at] = offset + 1;
    this.#partitions[at]?.push(record);
    return record;
  }
}

function hash(key: Uint8Array): number {
  return key.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);
}
