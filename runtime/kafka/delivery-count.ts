import type { Limits } from '../dedup/limits.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import type { HandedOut } from './event.js';
import { handOut, recounted, type Range } from './handed-out.js';

/** Where the counts are kept: a text per partition. */
export interface CountRows {
  /** Undefined: there is none. */
  read(id: string, limits: Limits): Promise<string | undefined>;
  write(id: string, text: string, limits: Limits): Promise<void>;
}

/**
 * How often records were handed out. Kafka does not count it, and without a count nobody could tell the record that
 * kills its process (R46) nor know that a failure of it has been written down. So each batch is written down before
 * it runs: one row per partition, 1 write and 1 read unit per batch and partition.
 */
export class DeliveryCount {
  readonly #rows: CountRows;
  readonly #consumerName: string;
  /** Of the partitions of the present batch: what was written last. */
  readonly #known = new Map<string, readonly Range[]>();

  constructor(rows: CountRows, consumerName: string) {
    this.#rows = rows;
    this.#consumerName = consumerName;
  }

  /**
   * Counts the records of a batch. Never throws: of those that could not be counted everything is looked up that may
   * be known, and they are no suspects.
   */
  async count(records: readonly HandedOut[], limits: Limits): Promise<readonly HandedOut[]> {
    this.#known.clear();
    const partitions = [...Map.groupBy(records, ({ partition }) => partition)];
    const counted = await Promise.all(partitions.map((one) => this.#countOne(...one, limits)));
    return counted.flat();
  }

  /**
   * Of a batch of which some come again: says which do not. A mapping without partial responses has those come again,
   * too; they count as handed out once then. As suspects they would run alone and before the others, each time, and
   * whoever kills would never be found. Never throws.
   */
  async settled(through: readonly HandedOut[], limits: Limits): Promise<void> {
    // The others are no suspects.
    const counted = through.filter(({ deliveries = 0 }) => deliveries > suspicious);
    const partitions = Map.groupBy(counted, ({ partition }) => partition);
    await Promise.all(
      [...partitions].map(([partition, records]) => {
        const offsets = records.map(({ record }) => record.offset);
        return this.#recount(partition, offsets, (times) => Math.min(times, 1), limits);
      }),
    );
  }

  /**
   * Records of the present batch come again without a fault of their own: this delivery of theirs does not count. One
   * write per partition says so of all of them. Never throws.
   *
   * @returns whether that is known to be written
   */
  async excuse(partition: string, offsets: readonly number[], limits: Limits): Promise<boolean> {
    return this.#recount(partition, offsets, (times) => Math.max(1, times - 1), limits);
  }

  async #countOne(
    partition: string,
    records: readonly HandedOut[],
    limits: Limits,
  ): Promise<readonly HandedOut[]> {
    try {
      const known = rangesOf(await this.#rows.read(idOf(partition), limits));
      const ordered = records.toSorted((one, other) => one.record.offset - other.record.offset);
      const offsets = ordered.map(({ record }) => record.offset);
      const { deliveries, ranges } = handOut(known, offsets);
      await this.#write(partition, ranges, limits);
      return ordered.map((one, i) => ({ ...one, deliveries: deliveries[i] }));
    } catch (error) {
      this.#log(error);
      return records;
    }
  }

  async #recount(
    partition: string,
    offsets: readonly number[],
    times: (now: number) => number,
    limits: Limits,
  ): Promise<boolean> {
    const known = this.#known.get(partition);
    if (known === undefined) return false;
    try {
      await this.#write(partition, recounted(known, offsets, times), limits);
      return true;
    } catch (error) {
      this.#log(error);
      return false;
    }
  }

  async #write(partition: string, ranges: readonly Range[], limits: Limits): Promise<void> {
    await this.#rows.write(idOf(partition), JSON.stringify(ranges), limits);
    this.#known.set(partition, ranges);
  }

  #log(error: unknown): void {
    logLine({ exactlyOnce: 'deliveries not counted', consumer: this.#consumerName, ...errorLine(error) });
  }
}

/** Deliveries up to which nobody is a suspect. */
const suspicious = 2;

function idOf(partition: string): string {
  return `handed out ${partition}`;
}

function rangesOf(text = '[]'): readonly Range[] {
  const ranges: unknown = JSON.parse(text);
  return Array.isArray(ranges) ? (ranges as Range[]) : [];
}
