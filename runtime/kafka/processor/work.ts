import { DependencyFailed, faultOf, isFinal } from '../../dedup/errors.js';
import { observed } from '../../telemetry/observed.js';
import type { ClientMessage } from './client-port.js';
import { deadLetter } from './dead-letter.js';
import { PoisonRecord } from './errors.js';
import type { Lane } from './lane.js';
import { GatheredTransaction, readMessage, type Sending } from './message.js';
import type { ProcessorSettings } from './options.js';

/**
 * Runs the handler for the messages of a lane, one after the other, until one fails or none waits.
 *
 * @param end called when the processor must end
 */
export async function work(
  lane: Lane,
  settings: ProcessorSettings,
  maxRecordBytes: number,
  end: (error: unknown) => void,
): Promise<void> {
  if (lane.busy || lane.closed || performance.now() < lane.retryAt) return;
  lane.busy = true;
  // Changed by others while a handler runs.
  const isClosed = () => lane.closed;
  try {
    for (let message = lane.waiting[0]; message !== undefined; message = lane.waiting[0]) {
      const sendings = await handled(lane, message, settings, maxRecordBytes);
      // Its partition went to another process, or it has to be tried again later.
      if (isClosed() || sendings === undefined) return;
      lane.waiting.shift();
      lane.handled.push({ message, sendings });
      lane.failures = 0;
      lane.tries = 0;
    }
  } catch (error) {
    if (!isClosed()) end(error);
  } finally {
    lane.busy = false;
  }
}

/** What a message sends; undefined when it is to be tried again. @throws PoisonRecord */
async function handled(
  lane: Lane,
  message: ClientMessage,
  settings: ProcessorSettings,
  maxRecordBytes: number,
): Promise<readonly Sending[] | undefined> {
  const tx = new GatheredTransaction(maxRecordBytes);
  try {
    await settings.handle(readMessage(message, lane.incarnation.id), tx);
    return tx.seal();
  } catch (error) {
    tx.seal();
    return lane.closed ? undefined : failed(lane, message, settings, error);
  }
}

function failed(
  lane: Lane,
  message: ClientMessage,
  settings: ProcessorSettings,
  error: unknown,
): readonly Sending[] | undefined {
  const { consumerName, deadLetterTopic, maxFailures, retryDelayMs, maxRetryDelayMs } = settings;
  // A dependency's failure says nothing of the message, however often it comes (R44).
  const isExcused = error instanceof DependencyFailed || faultOf(error) === 'dependency';
  if (!isExcused) lane.failures += 1;
  const { failures } = lane;
  const place = { topic: lane.topic, partition: lane.partition, offset: String(message.offset) };
  if (!isExcused && (isFinal(error) || failures >= maxFailures)) {
    if (deadLetterTopic === undefined)
      throw new PoisonRecord(lane.topic, lane.partition, place.offset, failures, { cause: error });
    observe(settings, { kind: 'dead-lettered', failures, error, ...place });
    const topicId = lane.incarnation.id;
    return [deadLetter({ deadLetterTopic, consumerName, message, topicId, failures, error })];
  }
  lane.tries += 1;
  const waitMs = Math.min(maxRetryDelayMs, retryDelayMs * 2 ** Math.min(lane.tries - 1, 20));
  lane.retryAt = performance.now() + waitMs;
  observe(settings, { kind: 'failed', failures, waitMs, error, ...place });
  return undefined;
}

/** What an observer throws is its own affair. */
/** Telemetry never decides about a record. */
export function observe(
  { observe: told }: Pick<ProcessorSettings, 'observe'>,
  event: Parameters<ProcessorSettings['observe']>[0],
): void {
  observed(told, event);
}
