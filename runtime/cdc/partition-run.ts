import { sleep } from '../dedup/sleep.js';
import { batchOf } from './batch.js';
import { RecordsMissing } from './errors.js';
import { Gathered, type Limits } from './gather.js';
import { patiently } from './patience.js';
import { Retold } from './retold.js';
import type { PartitionSummary, SinkRunOptions } from './run-options.js';
import type { Batch, SinkState } from './sink.js';
import type { TopicPartition } from './source.js';
import { isOurs, writeBatch, type Refuse } from './write.js';
import { tell } from '../telemetry/tell.js';

const defaults: Limits = { rows: 1_000, bytes: 8 * 1024 * 1024, ms: 5_000 };
/** Nothing within it: what is left below the end are markers of transactions. */
const endMs = 10_000;
const defaultQuietMs = 600_000;
/** Between two looks at a source that has nothing, and does not wait for it. */
const pauseMs = 50;

interface Told {
  readonly batch: Batch;
  readonly gathered: Gathered;
  readonly isWritten: boolean;
  readonly overtaken: boolean;
  readonly ms: number;
}

/** Reads one partition from where the sink stands, and writes it, until it is to end. */
export class PartitionRun {
  #rows = 0;
  #duplicates = 0;
  #deadLetters = 0;
  #overtaken = 0;
  #began: bigint | undefined;
  #state: SinkState = { next: 0n };
  #quietSince = performance.now();
  #retold: Retold;
  readonly #limits: Limits;
  readonly #options: SinkRunOptions;
  readonly #partition: TopicPartition;
  readonly #signal: AbortSignal;

  constructor(options: SinkRunOptions, partition: TopicPartition, signal: AbortSignal) {
    this.#options = options;
    this.#partition = partition;
    this.#signal = signal;
    this.#retold = this.#newRetold();
    const given = options.batch ?? {};
    this.#limits = {
      rows: given.rows ?? defaults.rows,
      bytes: given.bytes ?? defaults.bytes,
      ms: given.ms ?? defaults.ms,
    };
  }

  /** @throws RecordRefused without dead letters; RecordsMissing; what a sink or a log said when patience ended. */
  async run(): Promise<PartitionSummary> {
    const { source, sink, stopAtEnd = false } = this.#options;
    this.#state = await this.#patiently(() => sink.open(this.#partition));
    const bounds = await this.#patiently(() => source.bounds(this.#partition));
    let at = this.#firstOf(bounds);
    while (!this.#signal.aborted && !(stopAtEnd && at >= bounds.end)) {
      const gathered = await this.#gather(at, stopAtEnd ? bounds.end : undefined);
      this.#duplicates += gathered.duplicates;
      if (gathered.records > 0) this.#quietSince = performance.now();
      else at = await this.#passed(gathered, at);
      // A log that is only slow is read on from here by the next run: nothing is passed that has not come.
      if (stopAtEnd && gathered.records === 0) break;
      if (gathered.records > 0) at = await this.#write(gathered, at);
    }
    return this.#summary();
  }

  get #isQuiet(): boolean {
    return performance.now() - this.#quietSince >= (this.#options.quietMs ?? defaultQuietMs);
  }

  /** Moves the sink over what is no record, so that nobody misses it when it has expired. */
  async #passed(gathered: Gathered, at: bigint): Promise<bigint> {
    this.#quietSince = performance.now();
    gathered.next = this.#options.source.passed?.(this.#partition, at) ?? at;
    return gathered.next > this.#state.next && !this.#signal.aborted ? this.#write(gathered, at) : at;
  }

  #firstOf({ start, end }: { readonly start: bigint; readonly end: bigint }): bigint {
    const { next } = this.#state;
    if (next === 0n) {
      this.#began = start;
      return start;
    }
    if (next < start || next > end) throw new RecordsMissing(this.#partition, next, start, end);
    return next;
  }

  async #gather(from: bigint, end: bigint | undefined): Promise<Gathered> {
    const { source } = this.#options;
    const gathered = new Gathered(
      this.#options,
      this.#partition,
      { ...this.#state, next: from },
      this.#limits,
      this.#retold,
    );
    while (!gathered.isFull && !this.#signal.aborted && (end === undefined || gathered.next < end)) {
      const { next, room, records: count } = gathered;
      const waitMs = end === undefined || count > 0 ? gathered.waitMs : Math.max(gathered.waitMs, endMs);
      const asked = performance.now();
      const records = await this.#patiently(() =>
        source.fetch(this.#partition, next, { ...room, waitMs, signal: this.#signal }),
      );
      await gathered.add(records);
      const isOver = end !== undefined || gathered.waitMs === 0 || (gathered.records === 0 && this.#isQuiet);
      if (records.length === 0 && isOver) break;
      // A source that does not wait, as one that was closed: asked without a pause, it would let nobody else run.
      if (records.length === 0 && performance.now() - asked < Math.min(waitMs, pauseMs)) await sleep(pauseMs);
    }
    return gathered;
  }

  /** @returns where to read on. */
  async #write(gathered: Gathered, at: bigint): Promise<bigint> {
    const { sink } = this.#options;
    const partition = this.#partition;
    const started = Date.now();
    const from = this.#state;
    const batch = batchOf({ partition, from }, gathered.changes, gathered.next);
    // A few records without a change need not be known to the sink: they are passed again after a restart.
    const isQuiet = gathered.records === 0 && gathered.next > from.next;
    if (batch.changes.length > 0 || (gathered.isFull && gathered.next > at) || isQuiet)
      this.#state = await this.#patiently(() => writeBatch(sink, batch, this.#refuse));
    const { next } = this.#state;
    const overtaken = next > from.next && !isOurs(this.#state, batch);
    // Restored from a backup, emptied, or promoted from a copy that lagged: what it has lost is read again.
    const isBehind = next < from.next;
    this.#tell({ batch, gathered, isWritten: !overtaken && !isBehind, overtaken, ms: Date.now() - started });
    if (overtaken || isBehind) {
      // What lies between was read by somebody else, or before.
      this.#retold = this.#newRetold();
      if (overtaken) return next > at ? next : at;
      return this.#firstOf(await this.#patiently(() => this.#options.source.bounds(partition)));
    }
    const { refused } = gathered;
    if (refused === undefined) return gathered.next;
    await this.#refuse(refused.error, refused.record);
    return refused.record.offset + 1n;
  }

  #tell({ batch, gathered, isWritten, overtaken, ms }: Told): void {
    const { sink, observe } = this.#options;
    const rows = isWritten ? batch.changes.length : 0;
    this.#rows += rows;
    this.#overtaken += overtaken ? 1 : 0;
    const { partition, from } = batch;
    const { next } = this.#state;
    const { duplicates, bytes } = gathered;
    if (batch.changes.length > 0)
      tell(observe, {
        sink: sink.name,
        partition,
        from: from.next,
        next,
        rows,
        duplicates,
        bytes,
        ms,
        overtaken,
      });
  }

  readonly #refuse: Refuse = async (error, record) => {
    const { deadLetters } = this.#options;
    if (deadLetters === undefined) throw error;
    await this.#patiently(() => deadLetters.send({ error, record }));
    this.#deadLetters += 1;
  };

  #newRetold(): Retold {
    return new Retold(this.#options, (ask) => this.#patiently(ask));
  }

  #patiently<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, { patienceMs: this.#options.patienceMs, signal: this.#signal });
  }

  #summary(): PartitionSummary {
    return {
      partition: this.#partition,
      ...(this.#began !== undefined && { began: this.#began }),
      next: this.#state.next,
      rows: this.#rows,
      duplicates: this.#duplicates,
      deadLetters: this.#deadLetters,
      overtaken: this.#overtaken,
    };
  }
}
