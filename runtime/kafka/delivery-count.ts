import type { Limits } from '../dedup/limits.js';
import type { DynamoDBClient } from '../dynamodb/new-client.js';
import { StoredText } from '../dynamodb/stored-text.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import type { HandedOut } from './event.js';
import { handOut, settled, type Range } from './handed-out.js';

/**
 * How often records were handed out. Kafka does not count it, and without a count nobody could tell the record that
 * kills its process (R46) nor know that a failure of it has been written down. So each batch is written down before
 * it runs: one row per partition, 1 write and 1 read unit per batch and partition.
 */
export class DeliveryCount {
  readonly #rows: StoredText;

  constructor(
    dynamodb: DynamoDBClient,
    tableName: string,
    private readonly consumerName: string,
  ) {
    this.#rows = new StoredText(dynamodb, tableName, consumerName);
  }

  /**
   * Of a batch of which some come again: says which do not. A mapping without partial responses has those come again,
   * too. Never throws: without it they run once more as suspects, before the others.
   */
  async settled(through: readonly HandedOut[], limits: Limits): Promise<void> {
    // The others are no suspects.
    const counted = through.filter(({ deliveries = 0 }) => deliveries > suspicious);
    await Promise.all(
      [...Map.groupBy(counted, ({ partition }) => partition)].map(async ([partition, records]) => {
        const id = idOf(partition);
        try {
          const known = rangesOf(await this.#rows.read(id, limits));
          const offsets = records.map(({ record }) => record.offset);
          await this.#rows.write(id, JSON.stringify(settled(known, offsets)), limits);
        } catch (error) {
          logLine({
            exactlyOnce: 'deliveries not counted',
            consumer: this.consumerName,
            ...errorLine(error),
          });
        }
      }),
    );
  }

  /**
   * Counts the records of a batch. Never throws: of those that could not be counted everything is looked up that may
   * be known, and they are no suspects.
   */
  async count(records: readonly HandedOut[], limits: Limits): Promise<readonly HandedOut[]> {
    const partitions = [...Map.groupBy(records, ({ partition }) => partition)];
    const counted = await Promise.all(partitions.map((one) => this.#countOne(...one, limits)));
    return counted.flat();
  }

  async #countOne(
    partition: string,
    records: readonly HandedOut[],
    limits: Limits,
  ): Promise<readonly HandedOut[]> {
    const id = idOf(partition);
    try {
      const known = await this.#rows.read(id, limits);
      const ordered = records.toSorted((one, other) => one.record.offset - other.record.offset);
      const offsets = ordered.map(({ record }) => record.offset);
      const { deliveries, ranges } = handOut(rangesOf(known), offsets);
      await this.#rows.write(id, JSON.stringify(ranges), limits);
      return ordered.map((one, i) => ({ ...one, deliveries: deliveries[i] }));
    } catch (error) {
      logLine({ exactlyOnce: 'deliveries not counted', consumer: this.consumerName, ...errorLine(error) });
      return records;
    }
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
