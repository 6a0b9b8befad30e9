/** Something that is sent, as far as sending needs to know it. */
export interface Sendable {
  /** What has an order: a stream, a group. Sent one after the other, in the order of `version`. */
  readonly stream: string;
  readonly version: bigint;
}

/** Where things are sent. */
export interface SendTarget<E> {
  /** Tells targets apart: an ARN, a URL. */
  readonly name: string;
  /** What one call takes. @default - 10 entries, of any size */
  readonly call?: CallLimits<E>;
  /**
   * Sends entries in one call. Those of one group are in order, and one that is taken must not overtake another one
   * of its group.
   *
   * @returns the entries that were not accepted, or of which that is not known, each with the reason
   * @throws when that goes for all of them
   */
  send(events: readonly E[], options: SendOptions): Promise<ReadonlyMap<E, unknown>>;
}

export interface CallLimits<E> {
  readonly events: number;
  /** Of all entries of a call together. */
  readonly bytes: number;
  sizeOf(event: E): number;
}

export interface SendOptions {
  /** Fires when the call has taken too long: whatever comes of it is not waited for. */
  readonly signal: AbortSignal;
}

/** Most entries of a batch call of SQS, SNS and EventBridge. */
export const entriesPerCall = 10;

/**
 * SQS and SNS take the characters of XML 1.0. Of those that JSON leaves as they are, two are not among them; in JSON
 * they may as well be escaped.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function sendableJson(json: string): string {
  return json.replaceAll('\uFFFE', '\\uFFFE').replaceAll('\uFFFF', '\\uFFFF');
}

/** Whether SQS and SNS take a text as it is, as an attribute must be: it cannot be escaped there. */
export function isSendable(text: string): boolean {
  return /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text);
}
