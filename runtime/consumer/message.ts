import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { RejectMessage } from '../dedup/errors.js';
import { TransportId } from '../dedup/identity.js';
import { deadLetterAttribute } from '../sqs/message-attributes.js';
import { sequence, type Sequence } from '../dedup/sequence.js';

/** What a key may be made of: what the producer wrote. Nothing that SQS made up is here, on purpose. */
export interface KeySource<Body> {
  /** The body after validation. */
  readonly body: Body;
  /** The producer's string message attributes, by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** MessageGroupId, which survives a redrive. Undefined on a Standard queue without fair queues. */
  readonly group: string | undefined;
}

/** A message as a handler sees it. */
export interface Message<Body> extends KeySource<Body> {
  /** The key that the selector made: the message's identity. */
  readonly key: string;
  /**
   * Position in the queue, FIFO only. A redrive from the dead-letter queue gives a new one (R4): good for "later than",
   * no identity.
   */
  readonly sequence: Sequence | undefined;
  /** For logs only. */
  readonly transport: Transport;
}

export interface Transport {
  readonly messageId: TransportId;
  readonly deduplicationId: TransportId | undefined;
  /** How often SQS has handed it out, this time included. Receives are not failures (R19). */
  readonly receiveCount: number;
  readonly sentAt: Date;
}

/** Body of a record: parsed as JSON and validated. `json` is what was sent, before the schema changed anything. */
export interface ReadBody<Body> {
  readonly json: unknown;
  readonly body: Body;
}

/**
 * @throws RejectMessage when the body is no JSON or the schema refuses it. The reason names paths and rules, not values.
 */
export async function readBody<Schema extends StandardSchemaV1>(
  text: string,
  schema: Schema,
): Promise<ReadBody<StandardSchemaV1.InferOutput<Schema>>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the body, which may be personal data.
    throw new RejectMessage('body is not JSON');
  }
  const result = await schema['~standard'].validate(json);
  if (result.issues) {
    const issues = result.issues.map(({ message, path }) => `${pathText(path)}: ${message}`);
    throw new RejectMessage(`body does not fit the schema: ${issues.join('; ')}`);
  }
  return { json, body: result.value as StandardSchemaV1.InferOutput<Schema> };
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  const keys = path?.map((segment) => String(typeof segment === 'object' ? segment.key : segment)) ?? [];
  return keys.length > 0 ? keys.join('.') : 'body';
}

export function keySource<Body>(record: SQSRecord, body: Body): KeySource<Body> {
  const attributes: Record<string, string> = {};
  for (const [name, { stringValue }] of Object.entries(record.messageAttributes))
    // Not the producer's: a redriven copy has it, and must get the key that the first one got.
    if (stringValue !== undefined && name !== deadLetterAttribute) attributes[name] = stringValue;
  return { body, attributes, group: record.attributes.MessageGroupId };
}

export function messageOf<Body>(record: SQSRecord, source: KeySource<Body>, key: string): Message<Body> {
  const { MessageDeduplicationId, SequenceNumber, ApproximateReceiveCount, SentTimestamp } =
    record.attributes;
  return {
    ...source,
    key,
    sequence: SequenceNumber === undefined ? undefined : sequence(SequenceNumber),
    transport: {
      messageId: new TransportId(record.messageId),
      deduplicationId:
        MessageDeduplicationId === undefined ? undefined : new TransportId(MessageDeduplicationId),
      receiveCount: Number(ApproximateReceiveCount),
      sentAt: new Date(Number(SentTimestamp)),
    },
  };
}

/** Records of one lane keep their order: a FIFO group is one, and on a Standard queue every message is its own. */
export function laneOf(record: SQSRecord): string {
  // Fair queues give Standard messages a group too; only FIFO ones carry a sequence number.
  const { SequenceNumber, MessageGroupId } = record.attributes;
  return SequenceNumber === undefined ? `message ${record.messageId}` : `group ${MessageGroupId ?? ''}`;
}
