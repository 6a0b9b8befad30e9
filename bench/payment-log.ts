import { randomBytes } from 'node:crypto';
import { MemoryLog, type Source, type SourceRecord, type TopicPartition } from '../runtime/cdc/index.js';

export const topic = 'shop.public.payments';
export const systemId = '7310000000000000001';

export interface FilledLog {
  readonly log: Source;
  readonly rows: number;
  /** Of keys and values. */
  readonly bytes: number;
}

/** A log in memory of so many payments. */
export function filledLog(rows: number): FilledLog {
  const log = new MemoryLog();
  const [at] = log.create(topic) as [TopicPartition];
  let bytes = 0;
  for (let i = 0; i < rows; i += 1) {
    const { key, value } = changeOf(i);
    log.append(at, { key, value });
    bytes += key.byteLength + value.byteLength;
  }
  return { log, rows, bytes };
}

/** A log of about so many bytes, of which each record is made when it is asked for: it takes no memory of its own. */
export function madeLog({ bytes: wanted }: { readonly bytes: number }): Source {
  const { key, value } = changeOf(0);
  const rows = Math.ceil(wanted / (key.byteLength + value.byteLength));
  const partition = { topic, topicId: randomBytes(16).toString('base64url'), partition: 0 };
  return {
    partitions: () => Promise.resolve([partition]),
    bounds: () => Promise.resolve({ start: 0n, end: BigInt(rows) }),
    fetch: (_, from, { maxBytes, maxRecords }) => {
      const records: SourceRecord[] = [];
      let bytes = 0;
      for (let i = Number(from); i < rows && records.length < maxRecords && bytes < maxBytes; i += 1) {
        const made = changeOf(i);
        records.push({ offset: BigInt(i), ...made });
        bytes += made.key.byteLength + made.value.byteLength;
      }
      return Promise.resolve(records);
    },
  };
}

/** An insert as Debezium tells it, of about 560 bytes. */
function changeOf(i: number): { readonly key: Buffer; readonly value: Buffer } {
  const note = randomBytes(24).toString('base64');
  const after = { id: `p${i}`, amount: `${i}.50`, currency: 'EUR', note };
  const source = {
    ...{ version: '3.7.0.Final', connector: 'postgresql', name: 'shop', ts_ms: 1_795_893_991_088 + i },
    ...{ snapshot: 'false', db: 'shop', sequence: JSON.stringify([String(1000 + i), String(1001 + i)]) },
    ...{ schema: 'public', table: 'payments', txId: i, lsn: 1001 + i, xmin: null, origin: null },
  };
  const transaction = { id: `${i}:${1001 + i}`, total_order: 1, data_collection_order: 1 };
  const value = { before: null, after, source, transaction, op: 'c', ts_ms: 1_795_893_991_445 };
  return {
    key: Buffer.from(JSON.stringify({ id: after.id })),
    value: Buffer.from(JSON.stringify(value)),
  };
}
