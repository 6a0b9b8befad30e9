import { asThrown, DependencyFailed, faultOf, isFinal } from '../../dedup/errors.js';
import { tell } from '../../telemetry/tell.js';
import type { ClientMessage } from './client-port.js';
import { deadLetter } from './dead-letter.js';
import type { Destinations } from './destinations.js';
import { PoisonRecord } from './errors.js';
import type { Lane } from './lane.js';
import { GatheredTransaction, readMessage, type Sending } from './message.js';
import type { ProcessorSettings } from './options.js';

export interface WorkParts {
  readonly settings: ProcessorSettings;
  readonly destinations: Destinations;
  /** `message.max.bytes`. */
  readonly maxRecordBytes: number;
  /** Called when the processor must end. */
  readonly end: (error: unknown) => void;
}

/**
 * Runs the handler for the messages of a lane, one after the other, until one fails or none waits.
 */
export async function work(lane: Lane, parts: WorkParts): Promise<void> {
  if (lane.busy || lane.closed || performance.now() < lane.retryAt) return;
  lane.busy = true;
  // Changed by others while a handler runs.
  const isClosed = () => lane.closed;
  try {
    for (let message = lane.waiting[0]; message !== undefined; message = lane.waiting[0]) {
      const handling = handled(lane, message, parts);
      const sendings = handling instanceof Promise ? await handling : handling;
      // Its partition went to another process, or it has to be tried again later.
      if (isClosed() || sendings === undefined) return;
      lane.waiting.shift();
      lane.handled.push({ message, sendings });
      lane.failures = 0;
      lane.tries = 0;
    }
  } catch (error) {
    if (!isClosed()) parts.end(error);
  } finally {
    lane.busy = false;
  }
}

/** What a message sends; undefined when it is to be tried again. */
type Handling = readonly Sending[] | undefined;

/**
 * Most handlers need not wait, and a promise for each of their messages would cost more than they do.
 *
 * @throws PoisonRecord, also as a rejection
 */
function handled(lane: Lane, message: ClientMessage, parts: WorkParts): Handling | Promise<Handling> {
  const { settings, destinations, maxRecordBytes } = parts;
  const tx = new GatheredTransaction(maxRecordBytes);
  try {
    const handling = settings.handle(readMessage(message, lane.incarnation.id), tx);
    return handling === undefined && destinations.areKnown(tx.sendings)
      ? tx.seal()
      : finished(lane, message, parts, tx, handling);
  } catch (error) {
    return failedIn(lane, message, settings, tx, error);
  }
}

async function finished(
  lane: Lane,
  message: ClientMessage,
  { settings, destinations }: WorkParts,
  tx: GatheredTransaction,
  handling: void | Promise<void>,
): Promise<Handling> {
  try {
    await handling;
    const sendings = tx.seal();
    await destinations.assertThere(sendings);
    return sendings;
  } catch (error) {
    return failedIn(lane, message, settings, tx, error);
  }
}

function failedIn(
  lane: Lane,
  message: ClientMessage,
  settings: ProcessorSettings,
  tx: GatheredTransaction,
  error: unknown,
): Handling {
  tx.seal();
  return lane.closed ? undefined : failed(lane, message, settings, asThrown(error));
}

function failed(lane: Lane, message: ClientMessage, settings: ProcessorSettings, error: unknown): Handling {
  const { maxFailures, retryDelayMs, maxRetryDelayMs } = settings;
  // A dependency's failure says nothing of the message, however often it comes (R44).
  const isExcused = error instanceof DependencyFailed || faultOf(error) === 'dependency';
  if (!isExcused) lane.failures += 1;
  const { failures } = lane;
  if (!isExcused && (isFinal(error) || failures >= maxFailures))
    return givenUp(lane, message, settings, failures, error);
  lane.tries += 1;
  const waitMs = Math.min(maxRetryDelayMs, retryDelayMs * 2 ** Math.min(lane.tries - 1, 20));
  lane.retryAt = performance.now() + waitMs;
  tell(settings.observe, { kind: 'failed', failures, waitMs, error, ...placeOf(message) });
  return undefined;
}

/** What is sent in place of what a message would send that can never be processed. @throws PoisonRecord */
export function givenUp(
  lane: Lane,
  message: ClientMessage,
  { consumerName, deadLetterTopic, observe }: ProcessorSettings,
  failures: number,
  error: unknown,
): readonly Sending[] {
  const place = placeOf(message);
  if (deadLetterTopic === undefined)
    throw new PoisonRecord(place.topic, place.partition, place.offset, failures, { cause: error });
  tell(observe, { kind: 'dead-lettered', failures, error, ...place });
  const topicId = lane.incarnation.id;
  return [deadLetter({ deadLetterTopic, consumerName, message, topicId, failures, error })];
}

function placeOf({ topic, partition, offset }: ClientMessage) {
  return { topic, partition, offset: String(offset) };
}
