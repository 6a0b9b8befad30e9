import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import { escaped } from '../sqs/dead-letter.js';
import { deadLetterAttribute, passOverAttribute, resumeAttribute } from '../sqs/message-attributes.js';
import { textHeaders, type KafkaDelivery } from './delivery.js';
import { kafkaOriginAttribute, type KafkaOrigin } from './origin.js';

/** What SQS takes of a text: the characters of XML 1.0, and at least one. */
const sendable = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]+$/u;
/** What SQS takes as the name of an attribute. */
const attributeName = /^(?!aws\.|amazon\.)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/i;
/** SQS: what a message may have. */
const maxBodyBytes = 1024 * 1024;
/** Of these a header would make the dead letter something else. */
const ours: readonly string[] = [
  deadLetterAttribute,
  resumeAttribute,
  passOverAttribute,
  kafkaOriginAttribute,
];

/**
 * A record as the dead-letter queue takes messages: its body, its text headers as attributes, and where it stood. In
 * the shape of a record of SQS, so that a dead letter looks the same wherever its message came from.
 *
 * @param canStore whether there is a place for a body that has no room in SQS. Kafka's records may be larger, and in
 *   base64 they grow by a third: where there is none, what has no room is left out, or the letter could never be sent
 *   and its partition would wait for ever (R51).
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function asQueueRecord(
  { handedOut, id, text, deliveries = 1, source }: KafkaDelivery,
  canStore: boolean,
): SQSRecord {
  const { topic, partition, offset, timestamp, timestampType, key = null, value, headers } = handedOut.record;
  const isTombstone = value === undefined || value === null;
  const isText = isTombstone || (sendable.test(text) && text !== value);
  // SQS takes no empty body: what is empty is a line break.
  const whole = isText ? text : value || '\n';
  const isOmitted = !canStore && Buffer.byteLength(whole) > maxBodyBytes;
  const origin: KafkaOrigin = {
    topic,
    partition,
    offset,
    timestamp,
    timestampType,
    key,
    headers: (headers ?? []).flatMap((header) =>
      Object.entries(header).map(
        ([name, bytes]) => [name, bytes && Buffer.from(bytes).toString('base64')] as const,
      ),
    ),
    body: isOmitted ? 'omitted' : isTombstone ? 'tombstone' : isText ? 'text' : 'base64',
  };
  const attributes: SQSMessageAttributes = {
    // The names of headers are anything that is text in Kafka, also what SQS takes nowhere.
    [kafkaOriginAttribute]: { dataType: 'String', stringValue: escaped(JSON.stringify(origin)) },
  };
  for (const [name, stringValue] of Object.entries(textHeaders(handedOut.record)))
    if (isAttribute(name, stringValue)) attributes[name] = { dataType: 'String', stringValue };
  const sent = String(timestamp);
  return {
    messageId: id,
    receiptHandle: '',
    body: isOmitted ? '-' : whole,
    md5OfBody: '',
    attributes: {
      ApproximateReceiveCount: String(deliveries),
      SentTimestamp: sent,
      ApproximateFirstReceiveTimestamp: sent,
      SenderId: '',
    },
    messageAttributes: attributes,
    eventSource: 'aws:kafka',
    eventSourceARN: source,
    awsRegion: '',
  };
}

function isAttribute(name: string, value: string): boolean {
  return name.length <= 256 && attributeName.test(name) && !ours.includes(name) && sendable.test(value);
}
