import { randomBytes } from 'node:crypto';
import { sleep } from '../dedup/sleep.js';
import type { FetchOptions, Source, SourceRecord, TopicPartition } from './source.js';

/** A log in memory, for tests and samples. */
export class MemoryLog implements Source {
  readonly #logs = new Map<
    string,
    { readonly partition: TopicPartition; readonly records: SourceRecord[] }
  >();

  /** A new topic, or a new incarnation of one: its id is new, and its offsets begin at 0. */
  create(topic: string, partitions = 1, topicId = randomBytes(16).toString('base64url')): TopicPartition[] {
    for (const [name, log] of this.#logs) if (log.partition.topic === topic) this.#logs.delete(name);
    return Array.from({ length: partitions }, (_, i) => {
      const partition = { topic, topicId, partition: i };
      this.#logs.set(nameOf(partition), { partition, records: [] });
      return partition;
    });
  }

  /** @param offset of the record, where there is to be a hole before it. @returns the offset */
  append(
    partition: TopicPartition,
    { key, value, offset }: { key?: unknown; value?: unknown; offset?: bigint },
  ): bigint {
    const records = this.#records(partition);
    const at = offset ?? (records.at(-1)?.offset ?? -1n) + 1n;
    records.push({ offset: at, key: bytesOf(key), value: bytesOf(value) });
    return at;
  }

  /** Forgets what lies before an offset, as a retention does. */
  expire(partition: TopicPartition, before: bigint): void {
    const records = this.#records(partition);
    records.splice(
      0,
      records.findIndex(({ offset }) => offset >= before),
    );
  }

  partitions(): Promise<readonly TopicPartition[]> {
    return Promise.resolve([...this.#logs.values()].map(({ partition }) => partition));
  }

  bounds(partition: TopicPartition): Promise<{ readonly start: bigint; readonly end: bigint }> {
    const records = this.#records(partition);
    return Promise.resolve({
      start: records[0]?.offset ?? 0n,
      end: (records.at(-1)?.offset ?? -1n) + 1n,
    });
  }

  async fetch(
    partition: TopicPartition,
    from: bigint,
    { maxBytes, maxRecords, waitMs, signal }: FetchOptions,
  ): Promise<readonly SourceRecord[]> {
    const deadline = Date.now() + waitMs;
    const records = this.#records(partition);
    for (;;) {
      const first = firstFrom(records, from);
      if (first < records.length) {
        const found: SourceRecord[] = [];
        let bytes = 0;
        for (let i = first; i < records.length && found.length < maxRecords && bytes < maxBytes; i += 1) {
          const record = records[i];
          if (record === undefined) break;
          found.push(record);
          bytes += (record.value?.byteLength ?? 0) + (record.key?.byteLength ?? 0);
        }
        return found;
      }
      if (Date.now() >= deadline || signal?.aborted === true) return [];
      await sleep(Math.min(20, waitMs));
    }
  }

  #records(partition: TopicPartition): SourceRecord[] {
    const log = this.#logs.get(nameOf(partition));
    if (log === undefined) throw new Error(`the log has no topic of id ${partition.topicId}`);
    return log.records;
  }
}

function firstFrom(records: readonly SourceRecord[], from: bigint): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.offset ?? from) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nameOf({ topicId, partition }: TopicPartition): string {
  return `${topicId}/${partition}`;
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}
