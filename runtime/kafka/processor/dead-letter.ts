import { errorText } from '../../dedup/errors.js';
import type { ClientMessage } from './client-port.js';
import type { Sending } from './message.js';

/** At most so many bytes of the reason (R51). */
const maxReasonBytes = 1_000;
/** A longer key is left out with the value. */
const maxKeyBytes = 1_000;

/** Headers of a dead letter, beside those of the record itself. */
export const deadLetterHeaders = {
  reason: 'exactly-once-reason',
  consumer: 'exactly-once-consumer',
  topic: 'exactly-once-topic',
  topicId: 'exactly-once-topic-id',
  partition: 'exactly-once-partition',
  offset: 'exactly-once-offset',
  failures: 'exactly-once-failures',
  /** `omitted`: the record was too large to be sent with them; read it at its own place. */
  value: 'exactly-once-value',
  /** `omitted`: so was its key. */
  key: 'exactly-once-key',
} as const;

const ourNames: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));

export interface DeadLetterOf {
  readonly deadLetterTopic: string;
  readonly consumerName: string;
  readonly message: ClientMessage;
  readonly topicId: string;
  readonly failures: number;
  readonly error: unknown;
}

/** The record as it came, with why and from where. */
export function deadLetter(of: DeadLetterOf): Sending {
  const { deadLetterTopic, consumerName, message, topicId, failures, error } = of;
  const names = deadLetterHeaders;
  return {
    isLetter: true,
    topic: deadLetterTopic,
    partition: null,
    value: message.value,
    key: message.key ?? null,
    timestamp: null,
    headers: [
      // One that was a letter before carries the last reason, not a pile of them.
      ...(message.headers ?? []).filter((header) => !isOurs(header)),
      { [names.reason]: cut(errorText(error)) },
      { [names.consumer]: consumerName },
      { [names.topic]: message.topic },
      { [names.topicId]: topicId },
      { [names.partition]: String(message.partition) },
      { [names.offset]: String(message.offset) },
      { [names.failures]: String(failures) },
    ],
  };
}

/** Whether there is something to be left out of a letter that is too large. */
export function canBeCut({ value, key, headers }: Sending): boolean {
  return value !== null || isLong(key) || !headers.every(isOurs);
}

/** The same without what made it too large: the record can still be read where it stands. */
export function withoutValue(sending: Sending): Sending {
  const { key } = sending;
  const headers = [...sending.headers.filter(isOurs), { [deadLetterHeaders.value]: 'omitted' }];
  if (!isLong(key)) return { ...sending, value: null, headers };
  return {
    ...sending,
    value: null,
    key: null,
    headers: [...headers, { [deadLetterHeaders.key]: 'omitted' }],
  };
}

function isOurs(header: Sending['headers'][number]): boolean {
  return Object.keys(header).every((name) => ourNames.has(name));
}

function isLong(key: Sending['key']): boolean {
  return key !== null && Buffer.byteLength(key) > maxKeyBytes;
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxReasonBytes) return text;
  // A character that was cut in its middle becomes a replacement character, which is dropped.
  return (
    bytes
      .subarray(0, maxReasonBytes - 3)
      .toString()
      .replace(/\uFFFD+$/, '') + '…'
  );
}
