import { errorText } from '../../dedup/errors.js';
import type { ClientMessage } from './client-port.js';
import type { Sending } from './message.js';

/** At most so many bytes of the reason (R51). */
const maxReasonBytes = 1_000;

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
} as const;

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
    topic: deadLetterTopic,
    partition: null,
    value: message.value,
    key: message.key ?? null,
    timestamp: null,
    headers: [
      ...(message.headers ?? []),
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

/** The same without what made it too large: the record can still be read where it stands. */
export function withoutValue(sending: Sending): Sending {
  const ours = sending.headers.filter((header) =>
    Object.keys(header).every((name) => name.startsWith('exactly-once-')),
  );
  return { ...sending, value: null, headers: [...ours, { [deadLetterHeaders.value]: 'omitted' }] };
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
