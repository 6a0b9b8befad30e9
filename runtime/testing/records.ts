import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';

export interface RecordShape {
  /** Taken as it is when it is a string, else written as JSON. */
  readonly body: unknown;
  /** MessageGroupId of a FIFO queue. @default - a record of a Standard queue */
  readonly group?: string;
  /** String message attributes by name. @default - none */
  readonly attributes?: Readonly<Record<string, string>>;
}

const queue = 'arn:aws:sqs:us-east-1:000000000000:test';
/** Above 2^64, as real ones are: code that makes a number of it is found out. */
let lastSequence = 18849496460467696128n;

/** A record as Lambda hands it over: new ids, first receive. */
export function sqsRecord({ body, group, attributes = {} }: RecordShape): SQSRecord {
  lastSequence += 256n;
  const fifo =
    group === undefined
      ? {}
      : {
          MessageGroupId: group,
          MessageDeduplicationId: randomUUID(),
          SequenceNumber: lastSequence.toString(),
        };
  const now = Date.now().toString();
  return {
    messageId: randomUUID(),
    receiptHandle: randomUUID(),
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: now,
      SenderId: 'AIDAEXAMPLE',
      ApproximateFirstReceiveTimestamp: now,
      ...fifo,
    },
    messageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, stringValue]) => [name, { dataType: 'String', stringValue }]),
    ),
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: group === undefined ? queue : `${queue}.fifo`,
    awsRegion: 'us-east-1',
  };
}

/**
 * The same message sent again: what a producer's retry or a redrive makes. SQS gives it new ids and a new sequence
 * number.
 */
export function sentAgain(record: SQSRecord): SQSRecord {
  const { body, messageAttributes, attributes } = record;
  return { ...sqsRecord({ body, group: attributes.MessageGroupId }), messageAttributes };
}

/** The same message handed out again: what a failure or a lost acknowledgement makes. */
export function receivedAgain(record: SQSRecord): SQSRecord {
  const count = Number(record.attributes.ApproximateReceiveCount) + 1;
  return {
    ...record,
    receiptHandle: randomUUID(),
    attributes: { ...record.attributes, ApproximateReceiveCount: String(count) },
  };
}
