import { playBatch, type BatchWork } from './batch.js';
import type { LogRecord, TopicLog } from './log.js';
import type { KafkaMapping } from './mapping.js';
import { toEventRecord } from './record.js';

/** Lambda's limit for the payload of an invocation, less what the envelope takes. */
const payloadBytes = 6 * 1024 * 1024 - 64 * 1024;
const idlePauseMs = 20;

/**
 * An event poller with its partitions: one batch at a time, of any of them, each in the order of its offsets. Offsets
 * are committed when all of a batch is through, so one that is given up half-way comes again as a whole.
 */
export class KafkaPoller {
  readonly #next = new Map<number, number>();
  #working = false;

  readonly #mapping: KafkaMapping;
  readonly #log: TopicLog;
  readonly #partitions: readonly number[];
  readonly #work: BatchWork;

  constructor(mapping: KafkaMapping, log: TopicLog, partitions: readonly number[], work: BatchWork) {
    this.#mapping = mapping;
    this.#log = log;
    this.#partitions = partitions;
    this.#work = work;
  }

  get busy(): boolean {
    return this.#working;
  }

  /** Takes its place in every partition, now: LATEST means from here on. */
  async open(): Promise<void> {
    for (const partition of this.#partitions) {
      const committed = await this.#log.committed(this.#mapping.consumerGroup, partition);
      const { first, end } = await this.#log.bounds(partition);
      const start = this.#mapping.startingPosition === 'LATEST' ? end : first;
      // Offsets that are gone, or that a topic made anew does not have yet, are none to go on at.
      const isThere = committed !== undefined && committed >= first && committed <= end;
      this.#next.set(partition, isThere ? committed : committed === undefined ? start : first);
    }
  }

  /** Until `stopping`. */
  async run(): Promise<void> {
    while (!this.#work.stopping()) if (!(await this.step())) await this.#work.pause(idlePauseMs);
  }

  /** Collects a batch and plays it. @returns false when there was none. */
  async step(): Promise<boolean> {
    this.#working = true;
    try {
      const records = await this.#collect();
      if (records.length === 0) return false;
      const through = await playBatch(this.#mapping, records, this.#work);
      if (through) await this.#commit(records);
      return true;
    } finally {
      this.#working = false;
    }
  }

  async empty(): Promise<boolean> {
    for (const partition of this.#partitions)
      if ((await this.#log.read(partition, this.#next.get(partition) ?? 0, 1)).length > 0) return false;
    return true;
  }

  /** Up to the batch size, 6 MB, or the end of the window, which opens with the first record. */
  async #collect(): Promise<readonly LogRecord[]> {
    const { batchSize, batchingWindowSeconds } = this.#mapping;
    let records = await this.#read();
    const closes = this.#work.now() + batchingWindowSeconds * 1000;
    while (records.length > 0 && records.length < batchSize && this.#work.now() < closes) {
      if (this.#work.stopping()) return [];
      await this.#work.pause(idlePauseMs);
      records = await this.#read();
    }
    return records;
  }

  async #read(): Promise<readonly LogRecord[]> {
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const partition of this.#partitions) {
      const most = this.#mapping.batchSize - records.length;
      if (most === 0) break;
      for (const record of await this.#log.read(partition, this.#next.get(partition) ?? 0, most)) {
        bytes += Buffer.byteLength(JSON.stringify(toEventRecord(this.#log.topic, record)));
        if (records.length > 0 && bytes > payloadBytes) return records;
        records.push(record);
      }
    }
    return records;
  }

  async #commit(records: readonly LogRecord[]): Promise<void> {
    for (const { partition, offset } of records) this.#next.set(partition, offset + 1);
    for (const partition of new Set(records.map((record) => record.partition)))
      await this.#log.commit(this.#mapping.consumerGroup, partition, this.#next.get(partition) ?? 0);
  }
}

/** The partitions of each poller: as many pollers as are provisioned, on demand one per partition. */
export function assigned(
  partitions: readonly number[],
  { provisionedPollers }: Pick<KafkaMapping, 'provisionedPollers'>,
): readonly (readonly number[])[] {
  const pollers = Math.min(provisionedPollers ?? partitions.length, partitions.length);
  return Array.from({ length: pollers }, (_, i) => partitions.filter((_one, at) => at % pollers === i));
}
