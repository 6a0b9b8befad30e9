import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { briefly } from '../dedup/briefly.js';
import { RejectMessage } from '../dedup/errors.js';
import { parseJson } from '../dedup/exact-json.js';
import { TransportId } from '../dedup/identity.js';
import { deadLetterAttribute } from '../dedup/message-attributes.js';
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

/** String attributes by name. */
type Attributes = KeySource<unknown>['attributes'];

/** How a body becomes a value. */
export interface Reading<Schema extends StandardSchemaV1> {
  readonly schema: Schema;
  /** Takes off what the body wears. @default - the body is JSON */
  readonly decode?: (
    text: string,
    attributes: Attributes,
  ) => Promise<{ readonly json: unknown; readonly attributes: Attributes }>;
}

/** Body of a record: parsed as JSON and validated. */
export interface ReadBody<Body> {
  /** What was meant, before the schema changed anything. */
  readonly json: unknown;
  readonly body: Body;
  readonly attributes: Attributes;
}

/**
 * @throws RejectMessage when the body is no JSON, holds numbers that would have to be rounded, or the schema refuses it. The reason
 *   names paths and rules, not values. And whatever `decode` throws.
 */
export async function readBody<Schema extends StandardSchemaV1>(
  record: SQSRecord,
  { schema, decode }: Reading<Schema>,
): Promise<ReadBody<StandardSchemaV1.InferOutput<Schema>>> {
  const sent = attributesOf(record);
  const { json, attributes } = (await decode?.(record.body, sent)) ?? {
    json: parseJson(record.body),
    attributes: sent,
  };
  const result = await schema['~standard'].validate(json);
  if (result.issues) throw new RejectMessage(`body does not fit the schema: ${issuesText(result.issues)}`);
  return { json, body: result.value as StandardSchemaV1.InferOutput<Schema>, attributes };
}

/** A body may break any number of rules, and what a schema says of it may be of any length. */
const maxIssues = 10;
const maxIssueBytes = 800;

function issuesText(issues: readonly StandardSchemaV1.Issue[]): string {
  const texts: string[] = [];
  let bytes = 0;
  for (const { message, path } of issues.slice(0, maxIssues)) {
    const text = `${briefly(pathText(path))}: ${briefly(message)}`;
    bytes += Buffer.byteLength(text) + 2;
    if (bytes > maxIssueBytes) break;
    texts.push(text);
  }
  const more = issues.length - texts.length;
  return more === 0 ? texts.join('; ') : [...texts, `and ${more} more`].join('; ');
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  const keys = path?.map((segment) => String(typeof segment === 'object' ? segment.key : segment)) ?? [];
  return keys.length > 0 ? keys.join('.') : 'body';
}

export function keySource<Body>(record: SQSRecord, body: Body, attributes: Attributes): KeySource<Body> {
  return { body, attributes, group: record.attributes.MessageGroupId };
}

/** `fromEntries`, because SQS allows an attribute to be called `__proto__`. */
function attributesOf({ messageAttributes }: SQSRecord): Attributes {
  return Object.fromEntries(
    Object.entries(messageAttributes).flatMap(([name, { stringValue }]) =>
      // Not the producer's: a redriven copy has it, and must get the key that the first one got.
      stringValue !== undefined && name !== deadLetterAttribute ? [[name, stringValue]] : [],
    ),
  );
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
