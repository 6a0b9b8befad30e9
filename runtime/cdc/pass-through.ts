import { parseJson } from '../dedup/exact-json.js';
import type { Change, Columns, Decode } from './change.js';
import { UndecodableRecord } from './errors.js';
import type { SourceRecord, TopicPartition } from './source.js';

/**
 * Passes records on as they came, for a lake of raw lines: nothing of them is read, so nothing is checked, neither
 * that they are JSON nor which Debezium wrote them, and nothing can be undecodable.
 *
 * Each **offset** is written once. A change that a connector tells again under a new offset is written again, because
 * its position in the source is not known: use {@link debezium} where that may happen. Tombstones are passed over.
 * Should a sink ask for `key` or `row`, they are the JSON of the record's key and of its value.
 */
export const passThrough: Decode = (record, partition) =>
  record.value === null ? undefined : new PassedChange(partition, record);

class PassedChange implements Change {
  readonly kind = 'insert';
  readonly offset: bigint;

  constructor(
    readonly partition: TopicPartition,
    readonly record: SourceRecord,
  ) {
    this.offset = record.offset;
  }

  get key(): Columns {
    return this.#parsed('key', this.record.key);
  }

  get row(): Columns {
    return this.#parsed('value', this.record.value);
  }

  #parsed(name: string, bytes: Uint8Array | null): Columns {
    try {
      const value: unknown = parseJson(Buffer.from(bytes ?? []).toString());
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Columns;
    } catch {
      // Without the cause, which quotes the text.
    }
    throw new UndecodableRecord(this.partition, this.offset, `has a ${name} that is no object of JSON`);
  }
}
