import type { ClientMessage } from '../../kafka/processor/client-port.js';
import type { FetchOptions, SourceRecord, TopicPartition } from '../source.js';

/** Bytes that may lie here ready, unless one record alone has more. */
const mostBytes = 8 * 1024 * 1024;

/** What has been received of one partition and is not handed out: a run of offsets without a gap of ours. */
export class Lane {
  paused = false;
  /** When the last of it came, by `performance.now()`. */
  receivedAt = 0;
  /** Up to here nothing is missing: the first offset that was not handed out. */
  next: bigint;
  /** Up to here all has come, also what is no record. */
  #end = 0n;
  #records: SourceRecord[] = [];
  #bytes = 0;

  constructor(
    readonly partition: TopicPartition,
    from: bigint,
  ) {
    this.next = from;
  }

  get isFull(): boolean {
    return this.#bytes >= mostBytes;
  }

  get length(): number {
    return this.#records.length;
  }

  /** Up to where the log holds nothing but what was handed out, and ends of transactions. */
  get passed(): bigint {
    return this.#records.length === 0 && this.#end > this.next ? this.#end : this.next;
  }

  endsAt(offset: number): void {
    this.#end = BigInt(offset);
  }

  put({ offset, key, value }: ClientMessage): void {
    const record = { offset: BigInt(offset), key: bytesOf(key), value };
    this.receivedAt = performance.now();
    this.#records.push(record);
    this.#bytes += sizeOf(record);
  }

  /** @param most of the first ones */
  take({ maxBytes, maxRecords }: FetchOptions, most: number): SourceRecord[] {
    let count = 0;
    let bytes = 0;
    for (const record of this.#records) {
      if (count >= Math.min(most, Math.max(1, maxRecords)) || (count > 0 && bytes >= maxBytes)) break;
      count += 1;
      bytes += sizeOf(record);
    }
    const taken = this.#records.splice(0, count);
    this.#bytes -= bytes;
    const last = taken.at(-1);
    if (last !== undefined) this.next = last.offset + 1n;
    return taken;
  }
}

function sizeOf({ key, value }: SourceRecord): number {
  return (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
}

function bytesOf(key: ClientMessage['key']): Uint8Array | null {
  return typeof key === 'string' ? Buffer.from(key) : (key ?? null);
}
