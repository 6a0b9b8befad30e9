import { sleep } from '../../dedup/sleep.js';
import { tell } from '../../telemetry/tell.js';
import type { Assignment } from './assignment.js';
import {
  called,
  type ClientConsumer,
  type ClientMessage,
  type PartitionOffset,
  type TopicPartition,
} from './client-port.js';
import { clientError, codes, isFatalError } from './error-codes.js';
import { KafkaFailed, OffsetMissing } from './errors.js';
import type { Incarnations } from './incarnations.js';
import type { Lane } from './lane.js';
import type { ProcessorSettings } from './options.js';

/** How long one look for records may take, in milliseconds. */
const pollMs = 100;
/** While a handler runs, so that what it sends does not wait. */
const busyPollMs = 5;
/** Records of one look at most. */
const maxPolled = 1_000;
/** How often topics and offsets are looked after. */
const lookAfterMs = 5_000;
/** Kafka's answers that no waiting mends: not authorised for the topic, for the group. */
const refused: readonly (number | undefined)[] = [29, 30];
const unknownTopic = 3;

export interface ReaderParts {
  readonly consumer: ClientConsumer;
  readonly assignment: Assignment;
  readonly incarnations: Incarnations;
  readonly settings: ProcessorSettings;
}

/** Fetches records for lanes, and finds out when that cannot go on. */
export class Reader {
  readonly #parts: ReaderParts;
  /**
   * Partitions for which the client fetches nothing. Not of a lane: a pause outlasts the assignment, and the lane of
   * the next one would know nothing of it.
   */
  readonly #paused = new Set<string>();
  /** What the client has said of ends of partitions, until the records before them are in their lanes. */
  #ends: PartitionOffset[] = [];
  #lookedAfterAt = performance.now();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    parts.consumer.on('partition.eof', (end) => this.#ends.push(end));
  }

  /**
   * Takes what has come into the lanes. Waits a little when nothing has.
   *
   * @param dueInMs until there is something else to do than to wait for records
   * @throws OffsetMissing, KafkaFailed when no waiting mends it
   */
  async read(lanes: readonly Lane[], dueInMs: number | undefined): Promise<void> {
    this.#regulate(lanes);
    const { consumer, settings } = this.#parts;
    consumer.setDefaultConsumeTimeout(patience(lanes, dueInMs));
    const most = Math.min(maxPolled, settings.maxBatch);
    const messages = await called<ClientMessage[]>((done) => consumer.consume(most, done)).catch(
      async (error: unknown) => {
        await this.#failed(lanes, error);
        return [];
      },
    );
    for (const message of messages) laneOf(lanes, message)?.take(message);
    for (const end of this.#ends) laneOf(lanes, end)?.reach(end.offset);
    this.#ends = [];
  }

  /**
   * Finds a topic that was created anew, and retention that has overtaken the reading, although nothing comes: the
   * client says neither for sure. Tells the lag.
   *
   * @returns whether it has looked: it does so every 5 s
   * @throws TopicRecreated, OffsetMissing
   */
  async lookAfter(lanes: readonly Lane[]): Promise<boolean> {
    if (performance.now() - this.#lookedAfterAt < lookAfterMs) return false;
    this.#lookedAfterAt = performance.now();
    try {
      await this.#parts.incarnations.assertUnchanged(lanes);
      await this.#parts.assignment.assertStillThere(lanes);
      tell(this.#parts.settings.observe, { kind: 'lag', records: await this.#parts.assignment.lag(lanes) });
    } catch (error) {
      // A broker that does not answer is not a missing offset.
      if (!(error instanceof KafkaFailed)) throw error;
    }
    return true;
  }

  /** Fetches nothing for a partition that waits after a failure, and for none while too much waits here. */
  #regulate(lanes: readonly Lane[]): void {
    const queued = lanes.reduce((sum, { waiting, handled }) => sum + waiting.length + handled.length, 0);
    const isFull = queued >= 2 * this.#parts.settings.maxBatch;
    for (const { topic, partition, tries } of lanes) {
      const pause = isFull || tries > 0;
      const name = `${topic}/${partition}`;
      if (pause === this.#paused.has(name)) continue;
      this.#parts.consumer[pause ? 'pause' : 'resume']([{ topic, partition }]);
      this.#paused[pause ? 'add' : 'delete'](name);
    }
  }

  async #failed(lanes: readonly Lane[], error: unknown): Promise<void> {
    const { assignment, settings } = this.#parts;
    const code = clientError(error)?.code;
    if (code === codes.autoOffsetReset || code === codes.offsetOutOfRange) {
      // Says which partition it is, where it still can be told.
      await assignment.assertStillThere(lanes);
      throw new OffsetMissing(
        settings.consumerName,
        settings.topics.join(', '),
        undefined,
        'the broker does not have the offset that was to be read next',
      );
    }
    if (isFatalError(error) || refused.includes(code)) throw new KafkaFailed('consume', { cause: error });
    // A topic that was just deleted looks like this.
    if (code === unknownTopic) this.#lookedAfterAt = -Infinity;
    await sleep(busyPollMs);
  }
}

function laneOf(lanes: readonly Lane[], of: TopicPartition): Lane | undefined {
  return lanes.find(({ topic, partition }) => partition === of.partition && topic === of.topic);
}

/** How long to wait for records, in milliseconds. */
function patience(lanes: readonly Lane[], dueInMs = pollMs): number {
  const now = performance.now();
  const times = lanes.map(({ busy, handled, waiting, retryAt }) => {
    if (handled.length > 0) return 1;
    if (busy) return busyPollMs;
    return waiting.length > 0 ? retryAt - now : pollMs;
  });
  return Math.max(1, Math.ceil(Math.min(pollMs, dueInMs, ...times)));
}
