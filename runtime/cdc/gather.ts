import { advanced, type SourcePosition } from './position.js';
import type { Change } from './change.js';
import { RecordRefused } from './errors.js';
import type { Retold } from './retold.js';
import type { SinkRunOptions } from './run-options.js';
import type { SinkState } from './sink.js';
import type { SourceRecord, TopicPartition } from './source.js';

export interface Limits {
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
}

/** Records that are on their way into one batch. Holds at most what the limits say, and one record. */
export class Gathered {
  readonly changes: Change[] = [];
  duplicates = 0;
  bytes = 0;
  records = 0;
  /** Where to read on. */
  next: bigint;
  /** The record at `next` that can never be written. */
  refused: { readonly error: RecordRefused; readonly record: SourceRecord } | undefined;
  #since: number | undefined;
  #position: SourcePosition | undefined;
  readonly #options: Pick<SinkRunOptions, 'decode' | 'sink'>;
  readonly #partition: TopicPartition;
  readonly #limits: Limits;
  readonly #retold: Retold;

  constructor(
    options: Pick<SinkRunOptions, 'decode' | 'sink'>,
    partition: TopicPartition,
    { next, position }: SinkState,
    limits: Limits,
    retold: Retold,
  ) {
    this.#options = options;
    this.#partition = partition;
    this.#limits = limits;
    this.#retold = retold;
    this.next = next;
    this.#position = position;
  }

  /** Until the first record that is refused, which is not among the changes. */
  async add(records: readonly SourceRecord[]): Promise<void> {
    for (const record of records) {
      this.#since ??= Date.now();
      try {
        await this.#take(record);
      } catch (error) {
        if (!(error instanceof RecordRefused)) throw error;
        this.refused = { error, record };
        this.next = record.offset;
        return;
      }
      this.next = record.offset + 1n;
    }
  }

  async #take(record: SourceRecord): Promise<void> {
    this.records += 1;
    this.bytes += (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
    const change = this.#options.decode(record, this.#partition);
    if (change === undefined) return;
    const isNew = await this.#retold.take(change, this.#position);
    if (isNew === undefined) {
      this.duplicates += 1;
      return;
    }
    this.#options.sink.check?.(isNew);
    this.changes.push(isNew);
    if (isNew.position !== undefined) this.#position = advanced(this.#position, isNew.position);
  }

  get isFull(): boolean {
    return this.refused !== undefined || this.room.maxRecords <= 0 || this.room.maxBytes <= 0;
  }

  get room() {
    return {
      maxRecords: this.#limits.rows - this.records,
      maxBytes: this.#limits.bytes - this.bytes,
    };
  }

  /** How long to wait for more. */
  get waitMs(): number {
    const { ms } = this.#limits;
    return this.#since === undefined ? ms : Math.max(0, this.#since + ms - Date.now());
  }
}
