import { TransportId } from '../dedup/identity.js';
import type { Delivery } from '../consumer/transport.js';
import type { HandedOut, KafkaRecord } from './event.js';

export interface ReadOptions {
  /**
   * What keeps its order. `partition`: all records of a partition, as Kafka does; one that has to come again holds
   * back all later ones. `key`: records of one key in a partition, side by side with those of other keys; a record
   * without a key waits for nobody.
   */
  readonly order: KafkaOrder;
  /** `text`: values are text in UTF-8. `base64`: they are bytes, which decoders are given in base64. */
  readonly value: KafkaValue;
}

export type KafkaOrder = 'partition' | 'key';
export type KafkaValue = 'text' | 'base64';

/** A delivery of Kafka. */
export interface KafkaDelivery extends Delivery {
  readonly handedOut: HandedOut;
}

/** A record of Lambda's Kafka event, in the engine's words. */
export function deliveryOf(handedOut: HandedOut, { order, value }: ReadOptions): KafkaDelivery {
  const { record, partition, deliveries, source } = handedOut;
  const { offset, timestamp } = record;
  const key = textOfKey(record);
  // With the time, because what is known of a record outlives its topic, and offsets start again in the next one.
  const id = idOf(partition, offset, timestamp);
  const keyed = order === 'partition' || key !== undefined;
  return {
    handedOut,
    id,
    lane: order === 'partition' ? partition : keyed ? `${partition} ${key}` : id,
    ordered: keyed,
    deliveries,
    text: textOfValue(record, value),
    attributes: textHeaders(record),
    group: key,
    sequence: String(offset),
    source,
    facts: {
      messageId: new TransportId(id),
      deduplicationId: undefined,
      receiveCount: deliveries ?? 1,
      sentAt: timeOf(timestamp),
    },
    letter: undefined,
    nudge: undefined,
  };
}

function idOf(partition: string, offset: number, timestamp: number): string {
  return `${partition}@${offset}/${timestamp}`;
}

/**
 * When it was sent. Of what is no date, or none, or later than now, nothing is known but that it has come: a letter
 * that is younger than the first copy of its record would be redriven past the horizon (R8).
 */
function timeOf(timestamp: number): Date {
  const now = Date.now();
  return new Date(timestamp >= 0 ? Math.min(timestamp, now) : now);
}

/** Where a record stands, by the id of its delivery. */
export function placeOf(id: string): { readonly partition: string; readonly offset: number } {
  const at = id.lastIndexOf('@');
  return { partition: id.slice(0, at), offset: parseInt(id.slice(at + 1), 10) };
}

/**
 * A tombstone is read as JSON's null: the schema decides whether there may be one. What is no UTF-8 stays base64,
 * which is no JSON, so that it is refused and not mended.
 */
function textOfValue({ value }: KafkaRecord, how: KafkaValue): string {
  if (value === undefined || value === null) return 'null';
  return how === 'base64' ? value : (utf8(Buffer.from(value, 'base64')) ?? value);
}

/** Bytes that are no text keep their base64: the key only has to tell records apart. */
function textOfKey({ key }: KafkaRecord): string | undefined {
  if (key === undefined || key === null) return undefined;
  return utf8(Buffer.from(key, 'base64')) ?? key;
}

/** Headers that are text, the last one of each name. */
export function textHeaders({ headers }: KafkaRecord): Record<string, string> {
  return Object.fromEntries(
    (headers ?? []).flatMap((header) =>
      Object.entries(header).flatMap(([name, bytes]): [string, string][] => {
        const text = bytes === null ? undefined : utf8(Uint8Array.from(bytes));
        return text === undefined ? [] : [[name, text]];
      }),
    ),
  );
}

/** Undefined when the bytes are no text in UTF-8. A byte order mark stays: two texts that differ in it are two. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
