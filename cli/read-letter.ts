import type { SentLetter } from '../runtime/sqs/letter.js';

/** What a message of the dead-letter queue says of itself, as far as it can be believed. */
export interface ReadLetter {
  /** Undefined: it says nothing, or nothing that this version can read. */
  readonly letter?: SentLetter;
  /** The consumer that is named, also where the rest cannot be read. */
  readonly consumer?: string;
  /** A consumer's name is there, and not all that belongs to it: of a newer version, or of nobody of ours. */
  readonly unreadable: boolean;
}

/** Anybody may send to the queue, so nothing about the text is taken on trust. */
export function readLetter(text: string | undefined): ReadLetter {
  const given = parsed(text);
  const consumer = given?.consumerName;
  // Somebody else's attribute of the same name.
  if (given === undefined || typeof consumer !== 'string') return { unreadable: false };
  return isLetter(given) ? { letter: given, consumer, unreadable: false } : { consumer, unreadable: true };
}

type Given = Readonly<Record<string, unknown>>;

function parsed(text: string | undefined): Given | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLetter(given: Given): given is Given & SentLetter {
  const { consumerName, stream, reason, firstEnqueue, sequence, position, attempts, redrives } = given;
  return (
    [consumerName, stream, reason, firstEnqueue].every(isText) &&
    Number.isFinite(Date.parse(String(firstEnqueue))) &&
    ['key', 'group', 'messageId', 'kind', 'stored'].every((name) => isUnlessAbsent(given[name], isText)) &&
    isUnlessAbsent(sequence, isSequence) &&
    isUnlessAbsent(position, isPosition) &&
    isUnlessAbsent(attempts, isCount) &&
    isUnlessAbsent(redrives, isCount) &&
    isUnlessAbsent(given.attributes, (all) => isObject(all) && Object.values(all).every(isAttribute))
  );
}

function isUnlessAbsent(value: unknown, holds: (value: unknown) => boolean): boolean {
  return value === undefined || holds(value);
}

function isObject(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isSequence(value: unknown): boolean {
  return isText(value) && /^\d{1,40}$/.test(value);
}

function isPosition(value: unknown): boolean {
  return isObject(value) && isText(value.stream) && isSequence(value.sequence);
}

/** One that SQS takes has a type, and text or bytes. */
function isAttribute(value: unknown): boolean {
  if (!isObject(value) || !isText(value.dataType)) return false;
  const { stringValue, binaryValue } = value;
  return isUnlessAbsent(stringValue, isText) && isUnlessAbsent(binaryValue, isText);
}
