import type { InvocationResult } from '../invoke.js';
import type { LogRecord } from './log.js';
import type { KafkaMapping } from './mapping.js';
import { readKafkaResponse } from './response.js';

/** Records that Lambda has given up, and why. */
export interface DiscardedRecords {
  readonly records: readonly LogRecord[];
  readonly condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded';
  /** How often the function was given them. */
  readonly invocations: number;
  readonly functionError: string | undefined;
}

/** How an invocation ended. */
export interface BatchOutcome {
  readonly failed: number;
  readonly error?: string;
}

/** What a batch does to the world around it. */
export interface BatchWork {
  readonly invoke: (records: readonly LogRecord[]) => Promise<InvocationResult>;
  readonly discard: (discarded: DiscardedRecords) => Promise<void>;
  readonly ended?: (records: readonly LogRecord[], result: InvocationResult, outcome: BatchOutcome) => void;
  /** Between a failure and the next try. */
  readonly pause: (ms: number) => Promise<void>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly stopping: () => boolean;
  /**
   * What comes again of a partial response. AWS's page says "just those specific items"; of Kinesis and DynamoDB it
   * is everything from the lowest on. A consumer has to stand both.
   */
  readonly comesAgain: 'reported' | 'from-lowest';
}

interface Part {
  readonly records: readonly LogRecord[];
  /** Invocations that failed and count against MaximumRetryAttempts. */
  readonly failures: number;
  readonly invocations: number;
  readonly error?: string;
}

const firstBackoffMs = 100;
const longestBackoffMs = 1000;

/**
 * Gives the function a batch until it has succeeded or been discarded; nothing of its partitions passes it meanwhile.
 *
 * @returns false when the runner was stopped before it was through
 * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
 */
export async function playBatch(
  mapping: KafkaMapping,
  records: readonly LogRecord[],
  work: BatchWork,
): Promise<boolean> {
  const parts: Part[] = [{ records, failures: 0, invocations: 0 }];
  for (let backoff = firstBackoffMs; ;) {
    const next = parts.shift();
    if (next === undefined) return true;
    const part = await withoutAged(mapping, next, work);
    if (part.records.length === 0) continue;
    const left = await tryOnce(mapping, part, work);
    if (left.length === 0) {
      backoff = firstBackoffMs;
      continue;
    }
    parts.unshift(...left);
    if (work.stopping()) return false;
    await work.pause(backoff);
    backoff = Math.min(backoff * 2, longestBackoffMs);
  }
}

/** @returns what is left of the part, in order */
async function tryOnce(mapping: KafkaMapping, part: Part, work: BatchWork): Promise<Part[]> {
  const { records } = part;
  const result = await work.invoke(records);
  const verdict =
    result.functionError === undefined
      ? readKafkaResponse(result.payload, mapping.topic, records, mapping.reportsBatchItemFailures)
      : { kind: 'all-failed' as const, reason: result.functionError };
  const again =
    verdict.kind === 'all-succeeded'
      ? []
      : verdict.kind === 'all-failed'
        ? records
        : comesAgain(records, verdict.failed, work.comesAgain);
  const error = verdict.kind === 'all-failed' ? verdict.reason : undefined;
  work.ended?.(records, result, { failed: again.length, error });
  if (again.length === 0) return [];
  // What did not get through to the function counts against nothing.
  if (!result.reached) return [part];
  const rest: Part = { ...part, records: again, invocations: part.invocations + 1, error };
  // A split is no retry. A partial response has split the batch already.
  if (mapping.bisectsOnError && verdict.kind === 'all-failed' && records.length > 1) return halves(rest);
  const failures = part.failures + 1;
  if (failures <= mapping.maximumRetryAttempts) return [{ ...rest, failures }];
  const { invocations, error: functionError } = rest;
  await work.discard({ records: again, condition: 'RetryAttemptsExhausted', invocations, functionError });
  return [];
}

function comesAgain(
  records: readonly LogRecord[],
  failed: ReadonlySet<LogRecord>,
  how: BatchWork['comesAgain'],
): readonly LogRecord[] {
  if (how === 'reported') return records.filter((record) => failed.has(record));
  const lowest = new Map<number, number>();
  for (const { partition, offset } of failed)
    lowest.set(partition, Math.min(lowest.get(partition) ?? offset, offset));
  return records.filter(({ partition, offset }) => offset >= (lowest.get(partition) ?? Infinity));
}

async function withoutAged(
  { maximumRecordAgeSeconds }: KafkaMapping,
  part: Part,
  work: BatchWork,
): Promise<Part> {
  const oldest = work.now() - maximumRecordAgeSeconds * 1000;
  const aged = part.records.filter(({ timestamp }) => timestamp < oldest);
  if (aged.length > 0)
    await work.discard({
      records: aged,
      condition: 'RecordAgeExceeded',
      invocations: part.invocations,
      functionError: part.error,
    });
  return { ...part, records: part.records.filter((record) => !aged.includes(record)) };
}

function halves(part: Part): Part[] {
  const middle = Math.ceil(part.records.length / 2);
  return [
    { ...part, records: part.records.slice(0, middle) },
    { ...part, records: part.records.slice(middle) },
  ];
}
