import { RejectMessage, TransactionSealed } from '../../dedup/errors.js';
import type { ClientHeaders, ClientMessage } from './client-port.js';

/** A record of Kafka as a handler sees it. */
export interface KafkaMessage {
  readonly topic: string;
  readonly partition: number;
  /** Decimal digits. */
  readonly offset: string;
  /** Names this topic and no later one of the same name (R2). */
  readonly topicId: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In the record's order; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
  /** Epoch milliseconds, as the producer or the broker set it. */
  readonly timestamp: number | undefined;
}

/** A record to be sent. */
export interface OutgoingRecord {
  /** null: a tombstone in a compacted topic. */
  readonly value: Buffer | string | null;
  /** @default - none: any partition */
  readonly key?: Buffer | string | null;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
  /** @default - by the key, as Kafka's own Java client does (murmur2) */
  readonly partition?: number;
  /** Epoch milliseconds. @default - the time of sending */
  readonly timestamp?: number;
}

/** What a handler fills. Everything in it becomes visible with the record's offset, or nothing does. */
export interface KafkaTransaction {
  /**
   * Sends a record when the handler has returned. A handler that throws has sent nothing.
   *
   * @throws RejectMessage for what the client or every broker refuses: a name that no topic has, a value, key or
   *   header that is neither bytes nor text, a partition or timestamp that is no whole number, or a record larger
   *   than `message.max.bytes`
   * @throws TransactionSealed after the handler has returned
   */
  send(topic: string, record: OutgoingRecord): void;
}

/** What one message came to: to be sent with its offset. */
export interface Sending {
  readonly topic: string;
  readonly partition: number | null;
  readonly value: Buffer | null;
  readonly key: Buffer | string | null;
  readonly timestamp: number | null;
  readonly headers: ClientHeaders;
  /** Stands for a message that was given up. */
  readonly isLetter?: true;
}

/** Most records have no headers: nothing is made for them. */
const none: readonly never[] = [];

/** Gathers what the handler of one message sends. */
export class GatheredTransaction implements KafkaTransaction {
  readonly sendings: Sending[] = [];
  readonly #maxRecordBytes: number;
  #sealed = false;

  /** @param maxRecordBytes what the client takes: `message.max.bytes` */
  constructor(maxRecordBytes: number) {
    this.#maxRecordBytes = maxRecordBytes;
  }

  send(topic: string, record: OutgoingRecord): void {
    if (this.#sealed) throw new TransactionSealed('send');
    assertSendable(topic, record);
    const { value, key, headers, partition, timestamp } = record;
    const sending: Sending = {
      topic,
      partition: partition ?? null,
      value: typeof value === 'string' ? Buffer.from(value) : value,
      key: key ?? null,
      timestamp: timestamp ?? null,
      headers: headers ? Object.entries(headers).map(([name, text]) => ({ [name]: text })) : none,
    };
    const bytes = bytesOf(sending);
    // Found here, where it is this message's own fault: in the transaction it would be everybody's.
    if (bytes > this.#maxRecordBytes)
      throw new RejectMessage(
        `a record for topic '${topic}' has ${bytes} bytes, the client takes ${this.#maxRecordBytes} (message.max.bytes); send less`,
      );
    this.sendings.push(sending);
  }

  seal(): readonly Sending[] {
    this.#sealed = true;
    return this.sendings;
  }
}

/**
 * Found here, where it is this message's own fault: in a transaction it would be everybody's, each time again.
 *
 * @see https://github.com/apache/kafka/blob/trunk/clients/src/main/java/org/apache/kafka/common/internals/Topic.java
 */
function assertSendable(topic: unknown, record: OutgoingRecord): void {
  const { value, key, headers, partition, timestamp } = record;
  if (typeof topic !== 'string' || !/^(?!\.{1,2}$)[\w.-]{1,249}$/.test(topic))
    refuse('topic', topic, "a name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'");
  if (value !== null && !isBytes(value)) refuse('value', value, 'give a Buffer, text or null');
  if (!isBytes(key ?? '')) refuse('key', key, 'give a Buffer, text or null');
  if (headers)
    for (const [name, text] of Object.entries(headers))
      if (!isBytes(text)) refuse(`header '${name}'`, text, 'give a Buffer or text');
  if (!isWhole(partition, 2 ** 31 - 1))
    refuse('partition', partition, `give a whole number from 0 to ${2 ** 31 - 1}`);
  if (!isWhole(timestamp, Number.MAX_SAFE_INTEGER))
    refuse('timestamp', timestamp, `give a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

function refuse(what: string, given: unknown, allowed: string): never {
  throw new RejectMessage(`tx.send was given the ${what} ${brief(given)}; ${allowed}`);
}

function isWhole(given: number | undefined, most: number): boolean {
  const number = given ?? 0;
  return Number.isInteger(number) && number >= 0 && number <= most;
}

function isBytes(value: unknown): boolean {
  return typeof value === 'string' || Buffer.isBuffer(value);
}

function brief(given: unknown): string {
  return typeof given === 'string' || typeof given === 'number'
    ? `'${String(given).slice(0, 120)}'`
    : `of type ${given === null ? 'null' : typeof given}`;
}

/** What the client counts against `message.max.bytes`. */
function bytesOf({ key, value, headers }: Sending): number {
  let bytes = (value?.length ?? 0) + (key === null ? 0 : Buffer.byteLength(key));
  for (const header of headers)
    for (const [name, text] of Object.entries(header))
      // Two lengths, which take up to 5 bytes each.
      bytes += Buffer.byteLength(name) + Buffer.byteLength(text) + 10;
  return bytes;
}

export function readMessage(message: ClientMessage, topicId: string): KafkaMessage {
  const { topic, partition, offset, key, value, timestamp, headers } = message;
  return {
    topic,
    partition,
    offset: String(offset),
    topicId,
    key: typeof key === 'string' ? Buffer.from(key) : (key ?? null),
    value,
    headers: headers
      ? headers.flatMap((header) =>
          Object.entries(header).map(([name, text]) => [name, Buffer.from(text)] as const),
        )
      : none,
    timestamp,
  };
}
