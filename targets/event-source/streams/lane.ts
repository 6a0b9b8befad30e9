import { setTimeout as sleep } from 'node:timers/promises';
import type { InvocationResult } from '../invoke.js';
import { readResponse } from '../response.js';
import type { Discarded } from './destination.js';
import type { StreamMapping } from './mapping.js';
import type { StreamRecord } from './record.js';

/** What a lane does to the world around it. */
export interface LaneWork {
  readonly invoke: (records: readonly StreamRecord[]) => Promise<InvocationResult>;
  readonly discard: (discarded: Omit<Discarded, 'shardId'>) => Promise<void>;
  readonly ended: (
    records: readonly StreamRecord[],
    result: InvocationResult,
    outcome: LaneOutcome,
    durationMs: number,
  ) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly stopping: () => boolean;
}

export interface LaneOutcome {
  readonly failed: number;
  readonly error?: string;
}

interface Batch {
  readonly records: readonly StreamRecord[];
  /** Invocations that failed and count against MaximumRetryAttempts. */
  readonly failures: number;
  readonly invocations: number;
  readonly error?: string;
}

/** Lambda's limit for the payload of an invocation, less what the envelope takes. */
const payloadBytes = 6 * 1024 * 1024 - 64 * 1024;
const pauseMs = 20;
const firstBackoffMs = 100;
const longestBackoffMs = 1000;

/** Records of one shard (or of one of its parallel parts) that are processed in order, one batch at a time. */
export class Lane {
  readonly #waiting: StreamRecord[] = [];
  #working = false;

  readonly #mapping: StreamMapping;
  readonly #work: LaneWork;

  constructor(mapping: StreamMapping, work: LaneWork) {
    this.#mapping = mapping;
    this.#work = work;
  }

  add(record: StreamRecord): void {
    this.#waiting.push(record);
  }

  /** Records that are waiting or in flight. */
  get busy(): boolean {
    return this.#working || this.#waiting.length > 0;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Until `stopping`: what is in flight then is finished, what has failed is not tried again. */
  async run(): Promise<void> {
    while (!this.#work.stopping()) {
      if (this.#waiting.length === 0) await sleep(pauseMs);
      else {
        this.#working = true;
        try {
          const records = await this.#collect();
          if (records.length > 0) await this.#process({ records, failures: 0, invocations: 0 });
        } finally {
          this.#working = false;
        }
      }
    }
  }

  /** Up to the batch size, 6 MB, or the end of the window, which opens with the first record. */
  async #collect(): Promise<StreamRecord[]> {
    const { batchSize, batchingWindowSeconds } = this.#mapping;
    const closes = Date.now() + batchingWindowSeconds * 1000;
    while (this.#waiting.length < batchSize && Date.now() < closes) {
      if (this.#work.stopping()) return [];
      await sleep(Math.min(pauseMs, closes - Date.now()));
    }
    let bytes = 0;
    const over = this.#waiting.findIndex((record, index) => {
      bytes += Buffer.byteLength(JSON.stringify(record));
      return index > 0 && bytes > payloadBytes;
    });
    return this.#waiting.splice(0, Math.min(batchSize, over === -1 ? Infinity : over));
  }

  /**
   * Gives the function the batch until it has succeeded or been discarded; nothing of the lane passes it meanwhile.
   */
  async #process(whole: Batch): Promise<void> {
    const parts = [whole];
    for (let backoff = firstBackoffMs; ;) {
      const part = parts.shift();
      if (part === undefined) return;
      const batch = await this.#dropAged(part);
      if (batch.records.length === 0) continue;
      const { left, again } = await this.#tryOnce(batch);
      parts.unshift(...left);
      if (!again) {
        backoff = firstBackoffMs;
        continue;
      }
      if (this.#work.stopping()) return;
      await sleep(backoff);
      backoff = Math.min(backoff * 2, longestBackoffMs);
    }
  }

  /** @returns what is left of the batch, in order, and whether anything failed */
  async #tryOnce(batch: Batch): Promise<{ left: Batch[]; again: boolean }> {
    const { records, invocations } = batch;
    const started = performance.now();
    const result = await this.#work.invoke(records);
    const verdict = this.#verdictOf(result, records);
    const failed = records.length - verdict.done;
    const error = verdict.error;
    this.#work.ended(records, result, { failed, error }, performance.now() - started);
    if (failed === 0) return { left: [], again: false };
    // Before an invocation, nothing counts against the quota: only age ends it.
    if (!result.reached) return { left: [batch], again: true };
    const rest: Batch = {
      ...batch,
      records: records.slice(verdict.done),
      invocations: invocations + 1,
      error,
    };
    if (this.#mapping.bisectsOnError && records.length > 1)
      // A split does not consume the quota. A partial response has split the batch already.
      return { left: verdict.done > 0 ? [rest] : halves(rest), again: true };
    const failures = batch.failures + 1;
    if (failures <= this.#mapping.maximumRetryAttempts) return { left: [{ ...rest, failures }], again: true };
    await this.#discard(rest, 'RetryAttemptsExhausted');
    return { left: [], again: false };
  }

  /** How many records from the first on are done. */
  #verdictOf(result: InvocationResult, records: readonly StreamRecord[]): { done: number; error?: string } {
    if (result.functionError !== undefined) return { done: 0, error: result.functionError };
    const numbers = records.map(({ dynamodb }) => dynamodb.SequenceNumber);
    const verdict = readResponse(result.payload, numbers, this.#mapping.reportsBatchItemFailures);
    if (verdict.kind === 'all-succeeded') return { done: records.length };
    if (verdict.kind === 'all-failed') return { done: 0, error: verdict.reason };
    return { done: numbers.findIndex((number) => verdict.failedIds.has(number)) };
  }

  async #dropAged(batch: Batch): Promise<Batch> {
    const oldest = this.#work.now() / 1000 - this.#mapping.maximumRecordAgeSeconds;
    const aged = batch.records.filter(({ dynamodb }) => dynamodb.ApproximateCreationDateTime < oldest);
    if (aged.length > 0) await this.#discard({ ...batch, records: aged }, 'RecordAgeExceeded');
    return { ...batch, records: batch.records.filter((record) => !aged.includes(record)) };
  }

  async #discard(batch: Batch, condition: Discarded['condition']): Promise<void> {
    const { records, invocations, error } = batch;
    await this.#work.discard({ records, condition, invocations, functionError: error });
  }
}

function halves(batch: Batch): Batch[] {
  const middle = Math.ceil(batch.records.length / 2);
  return [
    { ...batch, records: batch.records.slice(0, middle) },
    { ...batch, records: batch.records.slice(middle) },
  ].filter(({ records }) => records.length > 0);
}
