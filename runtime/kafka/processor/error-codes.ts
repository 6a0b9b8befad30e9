import type { ClientError } from './client-port.js';

/**
 * Codes of librdkafka (negative) and of Kafka's protocol.
 *
 * @see https://kafka.apache.org/protocol.html#protocol_error_codes
 */
export const codes = {
  assignPartitions: -175,
  revokePartitions: -174,
  queueFull: -184,
  fatal: -150,
  fenced: -144,
  unknownTopicHere: -188,
  autoOffsetReset: -140,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMember: 25,
  topicNotAllowed: 29,
  invalidTimestamp: 32,
  policyViolation: 44,
  fencedInstance: 82,
  invalidRecord: 87,
  invalidProducerEpoch: 47,
  producerFenced: 90,
} as const;

/** What the client threw or called back with, if it is its own. */
export function clientError(error: unknown): ClientError | undefined {
  return typeof error === 'object' && error !== null && typeof (error as { code?: unknown }).code === 'number'
    ? (error as ClientError)
    : undefined;
}

const fenced: readonly number[] = [codes.fenced, codes.invalidProducerEpoch, codes.producerFenced];

/**
 * Another process has taken the transactional id over, or the broker has given this producer up. The client says
 * `isFatal: false` of `ERR__FENCED` in some of its calls, so that the code decides.
 */
export function isFencing(error: unknown): boolean {
  return fenced.includes(clientError(error)?.code ?? 0);
}

const refused: readonly number[] = [
  codes.messageTooLarge,
  codes.recordListTooLarge,
  codes.invalidTimestamp,
  codes.policyViolation,
  codes.invalidRecord,
];

/** The topic takes no such record, however often it is sent: too large, without a key where it is compacted. */
export function isRefusedRecord(error: unknown): boolean {
  return refused.includes(clientError(error)?.code ?? 0);
}

const outside: readonly number[] = [codes.illegalGeneration, codes.unknownMember, codes.fencedInstance];

/** The group has gone on without this member: its partitions are others'. The client joins again by itself. */
export function isOutOfGroup(error: unknown): boolean {
  return outside.includes(clientError(error)?.code ?? 0);
}

/** Nothing more can be done with this client. */
export function isFatalError(error: unknown): boolean {
  const { isFatal = false, code } = clientError(error) ?? {};
  return isFatal || code === codes.fatal;
}
