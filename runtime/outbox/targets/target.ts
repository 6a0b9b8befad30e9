import { ExactlyOnceError } from '../../dedup/errors.js';
import type { RelayedEvent } from '../envelope.js';

/** Where the relay sends events. */
export interface RelayTarget {
  /** Tells the targets of one relay apart: an ARN, a URL. It may never change while a stream is stuck at it. */
  readonly name: string;
  /** Event types that are sent here. @default - all */
  readonly types?: readonly string[];
  /** What one call takes. @default - 10 events, of any size */
  readonly call?: CallLimits;
  /**
   * Sends events in one call. Those of one group are in order, and one that is taken must not overtake another one of
   * its group.
   *
   * @returns the events that were not accepted, or of which that is not known, each with the reason
   * @throws when that goes for all of them
   */
  send(events: readonly RelayedEvent[], options: SendOptions): Promise<ReadonlyMap<RelayedEvent, unknown>>;
}

export interface CallLimits {
  readonly events: number;
  /** Of all events of a call together. */
  readonly bytes: number;
  sizeOf(event: RelayedEvent): number;
}

export interface SendOptions {
  /** Fires when the call has taken too long: whatever comes of it is not waited for. */
  readonly signal: AbortSignal;
}

/** A target did not take an event. */
export class NotAccepted extends ExactlyOnceError {
  override name = 'NotAccepted';
  constructor(
    readonly target: string,
    readonly code: string,
    problem: string,
  ) {
    super(`'${target}' did not accept the event: ${code}: ${problem}`);
  }
}

/** A target has not answered in time. Whether it has accepted the events is not known. */
export class TargetTimedOut extends ExactlyOnceError {
  override name = 'TargetTimedOut';
  constructor(
    readonly target: string,
    readonly afterMs: number,
  ) {
    super(
      `'${target}' has not answered within ${Math.round(afterMs)} ms; whether it took the events is not known`,
    );
  }
}

/** A target was left out, because it did not take events shortly before. */
export class TargetLeftOut extends ExactlyOnceError {
  override name = 'TargetLeftOut';
  constructor(
    readonly target: string,
    options?: ErrorOptions,
  ) {
    super(`'${target}' is left out for a while, after ${errorName(options?.cause)}`, options);
  }
}

/** An event is larger than the target takes in a call, and always will be. */
export class TooLargeForTarget extends ExactlyOnceError {
  override name = 'TooLargeForTarget';
  constructor(
    readonly target: string,
    readonly bytes: number,
    readonly limit: number,
  ) {
    super(
      `the event has ${bytes} bytes, and '${target}' takes ${limit}; send its type elsewhere (\`types\` of the target), ` +
        'or pass over it with `npx exactly-once-aws outbox skip`',
    );
  }
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'an error';
}

/** An entry of an answer that names what was not accepted. */
export interface RefusedEntry {
  readonly event: RelayedEvent | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

export function notAccepted(
  target: string,
  entries: readonly RefusedEntry[],
): ReadonlyMap<RelayedEvent, unknown> {
  const refused = new Map<RelayedEvent, unknown>();
  for (const { event, code = 'unknown', message = 'no message' } of entries)
    if (event !== undefined) refused.set(event, new NotAccepted(target, code, message));
  return refused;
}

/**
 * SQS and SNS take the characters of XML 1.0. Of those that JSON leaves as they are, two are not among them; in JSON
 * they may as well be escaped.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function bodyOf({ event }: RelayedEvent): string {
  return event.replaceAll('\uFFFE', '\\uFFFE').replaceAll('\uFFFF', '\\uFFFF');
}

/** Most entries of a batch call of SQS, SNS and EventBridge. */
export const entriesPerCall = 10;
