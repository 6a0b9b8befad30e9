import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { batchErrors, invalidContents, invalidParameter } from './sqs-errors.js';

/** SQS: 1 MiB, of one message with its attributes, and of a batch of them. */
export const maxMessageBytes = 1024 * 1024;

const maxEntries = 10;
const maxAttributes = 10;
const maxVisibilitySeconds = 12 * 60 * 60;
const maxNameLength = 256;

/** XML 1.0's characters, and so no lone surrogate. */
const allowed = /^[\x09\x0A\x0D\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
/** 1 to 128 letters, digits and punctuation marks: ASCII without the blank. */
const groupCharacters = /^[!-~]{1,128}$/;
const entryId = /^[\w-]{1,80}$/;
const attributeName = /^(?!\.|(?:aws|amazon)\.)(?!.*\.\.)[\w.-]+(?<!\.)$/i;
const attributeType = /^(String|Number|Binary)(\..+)?$/;

interface Sent {
  MessageBody?: string;
  MessageAttributes?: Record<string, MessageAttributeValue>;
  MessageGroupId?: string;
  MessageDeduplicationId?: string;
}
interface Hidden {
  VisibilityTimeout?: number;
}
type Entry = Sent & Hidden & { Id?: string };
type Request = Entry & { QueueUrl?: string; Entries?: readonly Entry[]; MaxNumberOfMessages?: number };

/**
 * Refuses a request that SQS refuses whatever is in the queue. The emulators let most of it pass.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 * @param command name of the SDK's command, such as `SendMessageCommand`
 * @throws InvalidMessageContents, BatchRequestTooLong and the other errors of batches; InvalidParameterValue,
 *   MissingParameter
 */
export function assertSqsRequest(command: string, input: object): void {
  const request = input as Request;
  const { QueueUrl = '', Entries = [], MaxNumberOfMessages: most = 1 } = request;
  const fifo = QueueUrl.endsWith('.fifo');
  switch (command) {
    case 'SendMessageCommand':
      assertMessage(request, fifo);
      return;
    case 'SendMessageBatchCommand': {
      assertEntries(Entries);
      const bytes = Entries.reduce((total, entry) => total + messageBytes(entry), 0);
      if (bytes > maxMessageBytes) throw batchErrors.tooLong(bytes, maxMessageBytes);
      for (const entry of Entries) assertMessage(entry, fifo);
      return;
    }
    case 'DeleteMessageBatchCommand':
      assertEntries(Entries);
      return;
    case 'ChangeMessageVisibilityCommand':
      assertVisibility(request);
      return;
    case 'ChangeMessageVisibilityBatchCommand':
      assertEntries(Entries);
      for (const entry of Entries) assertVisibility(entry);
      return;
    case 'ReceiveMessageCommand':
      if (request.VisibilityTimeout !== undefined) assertVisibility(request);
      if (most < 1 || most > maxEntries)
        throw invalidParameter(
          `Value ${most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
        );
  }
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
function assertMessage(message: Sent, fifo: boolean): void {
  const { MessageBody: body = '', MessageAttributes: attributes = {} } = message;
  const { MessageGroupId: group, MessageDeduplicationId: deduplicationId } = message;
  if (body === '')
    throw invalidParameter('The request must contain the parameter MessageBody.', 'MissingParameter');
  assertCharacters('Message body', body);
  for (const [name, value] of Object.entries(attributes)) assertAttribute(name, value);
  const count = Object.keys(attributes).length;
  if (count > maxAttributes)
    throw invalidParameter(
      `Number of message attributes [${count}] exceeds the allowed maximum [${maxAttributes}].`,
    );
  if (fifo && group === undefined)
    throw invalidParameter('The request must contain the parameter MessageGroupId.', 'MissingParameter');
  if (!fifo && deduplicationId !== undefined)
    throw invalidParameter(
      'The request includes a parameter that is not valid for this queue type: MessageDeduplicationId',
    );
  for (const [name, value] of Object.entries({
    MessageGroupId: group,
    MessageDeduplicationId: deduplicationId,
  }))
    if (value !== undefined && !groupCharacters.test(value))
      throw invalidParameter(
        `Value for parameter ${name} is invalid. Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
      );
  if (messageBytes(message) > maxMessageBytes)
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${maxMessageBytes} bytes.`,
    );
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
function assertAttribute(
  name: string,
  { DataType = '', StringValue, BinaryValue }: MessageAttributeValue,
): void {
  if (name.length > maxNameLength || !attributeName.test(name))
    throw invalidParameter(`Message (user) attribute name is invalid, it has ${name.length} characters.`);
  if (DataType.length > maxNameLength || !attributeType.test(DataType))
    throw invalidParameter(`The type of message (user) attribute '${name}' is invalid.`);
  const value = DataType.startsWith('Binary') ? BinaryValue : StringValue;
  if (value === undefined || value.length === 0)
    throw invalidParameter(
      `Message (user) attribute '${name}' must contain a non-empty value of type '${DataType}'.`,
    );
  assertCharacters(`Type of message attribute '${name}'`, DataType);
  if (typeof value === 'string') assertCharacters(`Message attribute '${name}'`, value);
}

function assertCharacters(what: string, text: string): void {
  if (!allowed.test(text))
    throw invalidContents(
      `${what} must consist of #x9, #xA, #xD and the Unicode characters from #x20 that XML allows.`,
    );
}

/** Name, type and value of every attribute count, with the body. */
function messageBytes({ MessageBody = '', MessageAttributes = {} }: Sent): number {
  return Object.entries(MessageAttributes).reduce(
    (total, [name, { DataType = '', StringValue = '', BinaryValue }]) =>
      total + Buffer.byteLength(name + DataType + StringValue) + (BinaryValue?.byteLength ?? 0),
    Buffer.byteLength(MessageBody),
  );
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html */
function assertEntries(entries: readonly Entry[]): void {
  if (entries.length === 0) throw batchErrors.empty();
  if (entries.length > maxEntries) throw batchErrors.tooMany(entries.length);
  const ids = new Set<string>();
  for (const { Id = '' } of entries) {
    if (!entryId.test(Id)) throw batchErrors.wrongId();
    if (ids.has(Id)) throw batchErrors.sameId(Id);
    ids.add(Id);
  }
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
function assertVisibility({ VisibilityTimeout: seconds }: Hidden): void {
  if (seconds === undefined || !Number.isInteger(seconds) || seconds < 0 || seconds > maxVisibilitySeconds)
    throw invalidParameter(
      `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and ${maxVisibilitySeconds}.`,
    );
}
