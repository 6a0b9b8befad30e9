import { createHash } from 'node:crypto';
import type { MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { RejectMessage } from '../dedup/errors.js';
import { exactJsonText } from '../dedup/exact-json.js';
import { refuseEmptied } from '../dedup/json-data.js';
import { sendableJson, type Sendable } from '../send/target.js';
import { bytesOf } from '../sqs/dead-letter.js';
import { firstEnqueueAttribute } from '../consumer/first-enqueue.js';
import { keyAttribute } from '../sqs/message-attributes.js';
import { queueLimits } from '../sqs/send-entries.js';
import { claimCheck, defaultAboveBytes, type ClaimCheck, type ClaimCheckOptions } from './claim-check.js';
import { InvalidMessages } from './errors.js';
import type { TraceFields } from '../send/trace-fields.js';
import type { OutgoingMessage } from './message.js';

/** A message in its envelope: the same for every transport, but for what FIFO alone takes. */
export interface Enveloped extends Sendable {
  readonly message: OutgoingMessage;
  readonly bytes: number;
  readonly claim: ClaimCheck | undefined;
  readonly entry: Omit<SendMessageBatchRequestEntry, 'Id' | 'MessageDeduplicationId'>;
  /**
   * For FIFO: of identity and body, so that a second send of one message is dropped there for 5 minutes. Not of the
   * identity alone: another message under a key that was used before would be dropped without a word, and its
   * consumer could not refuse it (R5).
   */
  readonly deduplicationId: string;
}

export interface EnvelopeOptions {
  /** FIFO takes no message without a group. */
  readonly fifo: boolean;
  readonly claimCheck: ClaimCheckOptions | undefined;
  readonly trace: ((message: OutgoingMessage) => TraceFields | undefined) | undefined;
}

/**
 * The key that the sender wrote, for `key` of a consumer. It is an attribute of the message, so it stays through
 * retries, redrives and another queue.
 *
 * @throws RejectMessage for a message that no sender of this package has sent
 */
export function sentKey({
  attributes,
}: {
  readonly attributes: Readonly<Record<string, string | undefined>>;
}): string {
  const key = attributes[keyAttribute];
  if (key === undefined)
    throw new RejectMessage(`the message has no attribute ${keyAttribute}: it was not sent by channelSender`);
  return key;
}

/**
 * Puts messages into their envelopes.
 *
 * @throws InvalidMessages naming every message that is none, before anything is sent
 */
export function envelop(messages: readonly OutgoingMessage[], options: EnvelopeOptions): Enveloped[] {
  const now = new Date();
  const problems: { index: number; problem: string }[] = [];
  const enveloped = messages.flatMap((message, index) => {
    const made = envelopeOf(message, index, now, options);
    if (typeof made !== 'string') return [made];
    problems.push({ index, problem: made });
    return [];
  });
  if (problems.length > 0) throw new InvalidMessages(problems);
  return enveloped;
}

function envelopeOf(
  message: OutgoingMessage,
  index: number,
  now: Date,
  { fifo, claimCheck: claims, trace }: EnvelopeOptions,
): Enveloped | string {
  const { key, group, attributes: own = {}, firstEnqueue = now } = message;
  const problem = keyProblem(key) ?? groupProblem(group, fifo) ?? attributesProblem(own);
  if (problem !== undefined) return problem;
  let body: string;
  try {
    body = sendableJson(exactJsonText(message.body, refuseEmptied));
  } catch (error) {
    return `body is no JSON value (${error instanceof Error ? error.name : 'an error'})`;
  }
  const { traceparent, tracestate, awsTraceHeader } = trace?.(message) ?? {};
  const attributes = texts({
    ...own,
    [keyAttribute]: key,
    [firstEnqueueAttribute]: firstEnqueue.toISOString(),
    traceparent,
  });
  const large = bytesOf(body, attributes) > (claims?.aboveBytes ?? defaultAboveBytes);
  const claim = claims && large ? claimCheck(body, claims) : undefined;
  Object.assign(attributes, claim?.attributes);
  if (Object.keys(attributes).length < mostAttributes) Object.assign(attributes, texts({ tracestate }));
  const bytes = bytesOf(claim?.body ?? body, attributes);
  if (bytes > queueLimits.bytes)
    return `${bytes} bytes, of at most ${queueLimits.bytes}; give \`claimCheck\`, or smaller attributes`;
  return {
    message,
    bytes,
    claim,
    // On Standard nothing has an order, and a group there must not hold back what is behind it.
    stream: fifo ? `group ${group ?? ''}` : `message ${index}`,
    version: BigInt(index),
    deduplicationId: createHash('sha256')
      .update(JSON.stringify([key, body]))
      .digest('hex'),
    entry: {
      MessageBody: claim?.body ?? body,
      MessageAttributes: attributes,
      MessageGroupId: group,
      ...(awsTraceHeader === undefined
        ? {}
        : {
            MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: awsTraceHeader } },
          }),
    },
  };
}

/** SQS: at most 10 attributes. */
const mostAttributes = 10;
/** Key, first enqueue, traceparent, and the size of a body in S3. */
const senderAttributes = 4;
const refused = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string' || key === '') return 'key must be text that is not empty';
  if (Buffer.byteLength(key) > 1_024) return `key has ${Buffer.byteLength(key)} bytes, of at most 1024`;
  return refused.test(key) ? 'key has a character that SQS refuses' : undefined;
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html */
function groupProblem(group: string | undefined, fifo: boolean): string | undefined {
  if (group === undefined) return fifo ? 'group is left out: FIFO needs one' : undefined;
  return /^[\x21-\x7e]{1,128}$/.test(group) ? undefined : 'group must be 1 to 128 visible ASCII characters';
}

function attributesProblem(attributes: Readonly<Record<string, string>>): string | undefined {
  const names = Object.keys(attributes);
  if (names.length > mostAttributes - senderAttributes)
    return `${names.length} attributes, of at most ${mostAttributes - senderAttributes}: ${senderAttributes} are the sender’s`;
  const wrong = names.filter(
    (name) =>
      !/^(?!\.|aws\.|amazon\.)(?!.*(?:\.\.|\.$))[\w.-]{1,256}$/i.test(name) ||
      /^(ExactlyOnce|traceparent$|tracestate$|ExtendedPayloadSize$)/.test(name) ||
      attributes[name] === '' ||
      refused.test(attributes[name] ?? ''),
  );
  return wrong.length > 0
    ? `${wrong.length} attributes with a name or a value that SQS refuses, or a name that is the sender’s`
    : undefined;
}

function texts(values: Readonly<Record<string, string | undefined>>): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, StringValue]) =>
      StringValue ? [[name, { DataType: 'String', StringValue }]] : [],
    ),
  );
}
