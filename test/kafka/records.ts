import type { NewRecord } from '../../targets/event-source/kafka/log.js';

/** A record whose value is JSON. */
export function json(value: unknown, key?: string): NewRecord {
  return text(JSON.stringify(value), key);
}

export function text(value: string, key?: string): NewRecord {
  return { key: key === undefined ? null : Buffer.from(key), value: Buffer.from(value) };
}
