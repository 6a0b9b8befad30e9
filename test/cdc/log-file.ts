import { mkdir, open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { sleep } from '../../runtime/dedup/sleep.js';
import type { FetchOptions, Source, SourceRecord, TopicPartition } from '../../runtime/cdc/index.js';

/** A partition on disk: of each record its offset, and the lengths of key and value, -1 for null. */
interface Index {
  readonly partition: TopicPartition;
  readonly offsets: BigInt64Array;
  readonly lengths: Int32Array;
}

/** Writes a log down, so that each of hundreds of processes reads what it needs of it, and none makes it anew. */
export async function keepLog(log: Source, folder: string): Promise<void> {
  await mkdir(folder);
  const all = { maxBytes: Infinity, maxRecords: Infinity, waitMs: 0 };
  const indexes: Index[] = [];
  for (const [number, partition] of (await log.partitions()).entries()) {
    const records = await log.fetch(partition, 0n, all);
    const parts = records.flatMap(({ key, value }) => [key, value]);
    await writeFile(bytesIn(folder, number), Buffer.concat(parts.filter((part) => part !== null)));
    indexes.push({
      partition,
      offsets: BigInt64Array.from(records, ({ offset }) => offset),
      lengths: Int32Array.from(parts, (part) => part?.byteLength ?? -1),
    });
  }
  await writeFile(indexIn(folder), serialize(indexes));
}

/** The log that `keepLog` has written down. */
export async function keptLog(folder: string): Promise<Source> {
  const indexes = deserialize(await readFile(indexIn(folder))) as readonly Index[];
  const kept = await Promise.all(
    indexes.map(async (index, number) => new KeptPartition(index, await open(bytesIn(folder, number)))),
  );
  const of = ({ topicId, partition }: TopicPartition) => {
    const found = kept.find(({ at }) => at.topicId === topicId && at.partition === partition);
    if (found === undefined) throw new Error(`the log has no topic of id ${topicId}`);
    return found;
  };
  return {
    partitions: () => Promise.resolve(kept.map(({ at }) => at)),
    bounds: (partition) => Promise.resolve(of(partition).bounds()),
    fetch: async (partition, from, options) => {
      const records = await of(partition).from(from, options);
      // Nothing more ever comes.
      if (records.length === 0) await sleep(options.waitMs);
      return records;
    },
  };
}

const indexIn = (folder: string) => join(folder, 'index');
const bytesIn = (folder: string, number: number) => join(folder, `partition-${number}`);

class KeptPartition {
  readonly at: TopicPartition;
  readonly #index: Index;
  readonly #file: FileHandle;
  /** Where the bytes of each record begin, and behind them where the last ones end. */
  readonly #starts: Float64Array;

  constructor(index: Index, file: FileHandle) {
    this.at = index.partition;
    this.#index = index;
    this.#file = file;
    this.#starts = new Float64Array(index.offsets.length + 1);
    for (let i = 0; i < index.offsets.length; i += 1)
      this.#starts[i + 1] = this.#start(i) + this.#length(2 * i) + this.#length(2 * i + 1);
  }

  bounds() {
    const { offsets } = this.#index;
    return { start: offsets.at(0) ?? 0n, end: (offsets.at(-1) ?? -1n) + 1n };
  }

  async from(
    offset: bigint,
    { maxBytes, maxRecords }: Pick<FetchOptions, 'maxBytes' | 'maxRecords'>,
  ): Promise<SourceRecord[]> {
    const first = this.#firstFrom(offset);
    const most = Math.min(first + maxRecords, this.#index.offsets.length);
    let end = first;
    while (end < most && this.#start(end) - this.#start(first) < maxBytes) end += 1;
    const bytes = Buffer.alloc(this.#start(end) - this.#start(first));
    await this.#file.read(bytes, 0, bytes.byteLength, this.#start(first));
    return Array.from({ length: end - first }, (_, i) =>
      this.#record(first + i, bytes.subarray(this.#start(first + i) - this.#start(first))),
    );
  }

  /** @param bytes that begin with the record's. */
  #record(i: number, bytes: Uint8Array): SourceRecord {
    const { offsets, lengths } = this.#index;
    const middle = this.#length(2 * i);
    const end = middle + this.#length(2 * i + 1);
    return {
      offset: offsets[i] ?? 0n,
      key: lengths[2 * i] === -1 ? null : bytes.subarray(0, middle),
      value: lengths[2 * i + 1] === -1 ? null : bytes.subarray(middle, end),
    };
  }

  #start(i: number): number {
    return this.#starts[i] ?? 0;
  }

  #length(part: number): number {
    return Math.max(0, this.#index.lengths[part] ?? 0);
  }

  #firstFrom(offset: bigint): number {
    const { offsets } = this.#index;
    let [low, high] = [0, offsets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle] ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
