import type { SQSRecord } from 'aws-lambda';
import type { SqsConsumer } from '../sqs/handler.js';
import { ExactlyOnceError } from '../dedup/errors.js';
import { receivedAgain, sentAgain } from './records.js';

/** A test helper could not do what it was asked, or found the handler wanting. */
export class TestingError extends ExactlyOnceError {
  override name = 'TestingError';
}

export interface DeliverOptions {
  /** Time that the handler's context says is left. @default 30000 */
  readonly remainingMs?: number;
  /** How often a message may come back before the helper gives up. @default 20 */
  readonly maxReceives?: number;
}

const batchSize = 10;

/**
 * Plays the queue: hands the records out in batches of ten, and again what the handler returns or throws over, until
 * nothing is left. Records of a FIFO group keep their order: while one comes back, later batches hold none of its
 * group. An answer is read as Lambda reads it: one that names no message of the batch fails all of it, and no answer
 * is a success.
 *
 * @throws TestingError when a message still comes back after `maxReceives`; its cause is what the handler threw last.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export async function deliver(
  handler: SqsConsumer,
  records: readonly SQSRecord[],
  { remainingMs = 30_000, maxReceives = 20 }: DeliverOptions = {},
): Promise<void> {
  let waiting: readonly Waiting[] = records.map((record) => ({ record, receives: 0 }));
  let cause: unknown;
  const handOut = async (batch: SQSRecord[]): Promise<ReadonlySet<string>> => {
    try {
      return failedOf(
        await handler({ Records: batch }, { getRemainingTimeInMillis: () => remainingMs }),
        batch,
      );
    } catch (error) {
      // Lambda takes a throw as the failure of the whole batch.
      cause = error;
      return idsOf(batch);
    }
  };
  while (waiting.length > 0) {
    if (waiting.some(({ receives }) => receives >= maxReceives))
      throw new TestingError(`${waiting.length} messages still come back after ${maxReceives} receives`, {
        cause,
      });
    const rest = [...waiting];
    const back: Waiting[] = [];
    const locked = new Set<string | undefined>();
    while (rest.length > 0) {
      const batch: Waiting[] = [];
      while (batch.length < batchSize) {
        const next = rest.shift();
        if (next === undefined) break;
        if (locked.has(groupOf(next.record))) back.push(next);
        else batch.push(next);
      }
      if (batch.length === 0) break;
      const failed = await handOut(batch.map(({ record }) => record));
      for (const { record, receives } of batch)
        if (failed.has(record.messageId)) {
          back.push({ record: receivedAgain(record), receives: receives + 1 });
          if (groupOf(record) !== undefined) locked.add(groupOf(record));
        }
    }
    waiting = back;
  }
}

/** A message that is in the queue, and how often this helper has handed it out. */
interface Waiting {
  readonly record: SQSRecord;
  readonly receives: number;
}

/** Undefined for one of a Standard queue, whose group holds nobody back. */
function groupOf({ attributes }: SQSRecord): string | undefined {
  return attributes.SequenceNumber === undefined ? undefined : attributes.MessageGroupId;
}

/** Delivers every record, and then every record again as a new message with the same content. */
export async function deliverTwice(
  handler: SqsConsumer,
  records: readonly SQSRecord[],
  options?: DeliverOptions,
): Promise<void> {
  await deliver(handler, records, options);
  await deliver(handler, records.map(sentAgain), options);
}

/**
 * The records in another order, for what a Standard queue may do: the same seed gives the same order.
 *
 * @throws TestingError for records of a FIFO group, which SQS never reorders.
 */
export function reorder(records: readonly SQSRecord[], seed: number): SQSRecord[] {
  if (records.some(({ attributes }) => attributes.SequenceNumber !== undefined))
    throw new TestingError('a FIFO queue keeps the order of a group; make the records without `group`');
  const shuffled = [...records];
  let state = seed >>> 0;
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    // Numerical Recipes' linear congruential generator: good enough for an order.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as SQSRecord, shuffled[i] as SQSRecord];
  }
  return shuffled;
}

function idsOf(batch: readonly SQSRecord[]): ReadonlySet<string> {
  return new Set(batch.map(({ messageId }) => messageId));
}

/** What Lambda makes of an answer: a handler that is wrapped by another one may answer anything. */
function failedOf(answer: unknown, batch: readonly SQSRecord[]): ReadonlySet<string> {
  const ids = idsOf(batch);
  if (answer === undefined || answer === null) return new Set();
  if (typeof answer !== 'object' || Array.isArray(answer)) return ids;
  const failures = 'batchItemFailures' in answer ? (answer.batchItemFailures ?? []) : [];
  if (!Array.isArray(failures)) return ids;
  const named = failures.map((one: unknown) =>
    typeof one === 'object' && one !== null && 'itemIdentifier' in one ? one.itemIdentifier : undefined,
  );
  return named.every((id): id is string => typeof id === 'string' && ids.has(id)) ? new Set(named) : ids;
}
