import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda';
import type { DeadLetter } from '../consumer/dead-letter.js';
import { deadLetterAttribute } from './message-attributes.js';

/** A dead letter as it travels: the JSON of the message attribute `ExactlyOnce`. */
export interface SentLetter extends DeadLetter {
  /** The message's own attributes, where SQS leaves no room for them beside this one. */
  readonly attributes?: Readonly<Record<string, SQSMessageAttribute>>;
  /** Attributes were left out: there is no room for them at all. */
  readonly withoutAttributes?: true;
  /**
   * Where the body is, where SQS leaves no room for it beside the letter: rows of the dedup table. The body that is
   * sent is empty then.
   */
  readonly stored?: string;
}

/** What a redriven copy says of itself; undefined for any other message. */
export function letterOf({ messageAttributes }: SQSRecord): Partial<SentLetter> | undefined {
  const text = messageAttributes[deadLetterAttribute]?.stringValue;
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Partial<SentLetter>);
  } catch {
    // Somebody else's attribute of the same name.
    return undefined;
  }
}
