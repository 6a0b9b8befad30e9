import { sleep } from '../../dedup/sleep.js';
import {
  called,
  type ClientMessage,
  type ClientModule,
  type ClientSettings,
} from '../../kafka/processor/client-port.js';
import { clientError, codes } from '../../kafka/processor/error-codes.js';
import { clientErrorText } from '../../kafka/processor/errors.js';
import { RecordsMissing, SourceUnavailable } from '../errors.js';
import type { FetchOptions, Source, SourceRecord, TopicPartition } from '../source.js';
import { connected, loadClient, type LogClients } from './client.js';
import { Lane } from './lane.js';
import { Topics } from './topics.js';

export interface KafkaSourceOptions {
  /** Settings of librdkafka, such as `{ 'bootstrap.servers': '…' }`. What exactly-once needs is imposed. */
  readonly kafka: ClientSettings;
  readonly topics: readonly string[];
  /**
   * Is only named to the brokers, for their rights and quotas: no group is joined, and no offset is committed.
   *
   * @default exactly-once-sink
   */
  readonly groupId?: string;
  /** @default - `@confluentinc/kafka-javascript`, which who uses it installs */
  readonly client?: () => ClientModule | Promise<ClientModule>;
}

/** A log in Kafka. */
export interface KafkaSource extends Source {
  /** Ends the connections; a `fetch` that waits is answered with nothing. May be called more than once. */
  close(): Promise<void>;
}

/** How long one look for records may take, in milliseconds. A thread of Node's pool waits that long. */
const pollMs = 50;
const maxPolled = 2_000;
/** A topic that was made anew is also found while nothing comes. */
const lookAfterMs = 5_000;
/** Kafka's answers about a topic: it is not there, it may not be read. */
const ofTopic: readonly (number | undefined)[] = [
  codes.unknownTopic,
  codes.unknownTopicHere,
  codes.topicNotAllowed,
];

/**
 * Reads topics with `isolation.level=read_committed` from where the sink stands. It joins no group: partitions are
 * assigned by its caller's `fetch`, each from the offset that is asked for, so that a rebalance can neither skip nor
 * repeat a record; two processes may read the same partition, and the sink lets one of them write (R40).
 *
 * Records are handed out only after the brokers were asked, later than these came, which topic stands behind the
 * name: one that was created anew is `TopicRecreated`, also while nothing comes. A broker whose metadata lag tells
 * the earlier one for that long.
 *
 * `fetch` throws `SourceUnavailable` (no broker, no permission), `TopicRecreated`, and `RecordsMissing` when the log
 * no longer has the offset.
 */
export function kafkaSource(options: KafkaSourceOptions): KafkaSource {
  return new KafkaLog(options);
}

class KafkaLog implements KafkaSource {
  readonly #options: KafkaSourceOptions;
  readonly #lanes = new Map<string, Lane>();
  #clients: Promise<LogClients> | undefined;
  #topics: Topics | undefined;
  #polling: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: KafkaSourceOptions) {
    this.#options = options;
  }

  async partitions(): Promise<readonly TopicPartition[]> {
    return (await this.#asked()).partitions();
  }

  async bounds(partition: TopicPartition): Promise<{ readonly start: bigint; readonly end: bigint }> {
    return (await this.#asked()).bounds(partition);
  }

  async fetch(
    partition: TopicPartition,
    from: bigint,
    options: FetchOptions,
  ): Promise<readonly SourceRecord[]> {
    const deadline = performance.now() + options.waitMs;
    const topics = await this.#asked();
    let lane = await this.#laneAt(partition, from);
    let lookedAfter = performance.now();
    for (;;) {
      // What comes during the question is handed out after the next one.
      const { length, receivedAt } = lane;
      if (length > 0) {
        await topics.assertUnchanged(partition, receivedAt);
        return lane.take(options, length);
      }
      const now = performance.now();
      if (this.#isClosed || options.signal?.aborted === true || now >= deadline) return [];
      if (now - lookedAfter > lookAfterMs) {
        lookedAfter = now;
        await topics.assertUnchanged(partition, now);
      }
      await this.#poll();
      // Another question may have failed it: begin anew where nothing was handed out.
      lane = await this.#laneAt(partition, from);
    }
  }

  passed(partition: TopicPartition, from: bigint): bigint {
    const lane = this.#lanes.get(nameOf(partition));
    return lane?.next === from && lane.partition.topicId === partition.topicId ? lane.passed : from;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#polling?.catch(() => undefined);
    await (await this.#clients?.catch(() => undefined))?.close();
  }

  /** What is received of the partition from that offset on; assigned anew when it does not stand there. */
  async #laneAt(partition: TopicPartition, from: bigint): Promise<Lane> {
    const name = nameOf(partition);
    const known = this.#lanes.get(name);
    if (known?.next === from && known.partition.topicId === partition.topicId) return known;
    // Not while records are on their way: some of the place before would be taken for the new one's.
    while (this.#polling !== undefined) await this.#polling.catch(() => undefined);
    const { consumer } = await this.#connected();
    if (known !== undefined) this.#drop(consumer, [known]);
    const lane = new Lane(partition, from);
    consumer.incrementalAssign([{ ...partition, offset: Number(from) }]);
    this.#lanes.set(name, lane);
    return lane;
  }

  /** One look for records of all partitions, which all that wait share. */
  #poll(): Promise<void> {
    this.#polling ??= this.#consume().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #consume(): Promise<void> {
    const { consumer } = await this.#connected();
    this.#regulate(consumer);
    consumer.setDefaultConsumeTimeout(pollMs);
    try {
      for (const message of await called<ClientMessage[]>((done) => consumer.consume(maxPolled, done)))
        this.#lanes.get(nameOf(message))?.put(message);
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** Nothing more is fetched of a partition whose sink is slow. */
  #regulate(consumer: LogClients['consumer']): void {
    for (const lane of this.#lanes.values()) {
      if (lane.isFull === lane.paused) continue;
      const { topic, partition } = lane.partition;
      consumer[lane.isFull ? 'pause' : 'resume']([{ topic, partition }]);
      lane.paused = lane.isFull;
    }
  }

  async #failed(error: unknown): Promise<void> {
    const code = clientError(error)?.code;
    // The client does not say of which partition, and fetches nothing more of it.
    if (code === codes.autoOffsetReset || code === codes.offsetOutOfRange) {
      const lanes = [...this.#lanes.values()];
      await this.#forget();
      const topics = await this.#asked();
      for (const { partition, next } of lanes) {
        // Of another topic under the name the offsets say nothing.
        await topics.assertUnchanged(partition, performance.now());
        const { start, end } = await topics.bounds(partition);
        if (next < start || next > end) throw new RecordsMissing(partition, next, start, end);
      }
      return;
    }
    if (ofTopic.includes(code)) {
      await this.#forget();
      throw new SourceUnavailable(`Kafka cannot be read: ${clientErrorText(error)}`, { cause: error });
    }
    // The client goes on by itself: a broker that is away comes back.
    await sleep(pollMs);
  }

  /** What was received is fetched again from where it is asked for next. */
  async #forget(): Promise<void> {
    const { consumer } = await this.#connected();
    this.#drop(consumer, [...this.#lanes.values()]);
  }

  #drop(consumer: LogClients['consumer'], lanes: readonly Lane[]): void {
    // A pause of the client outlasts the assignment: nothing would be fetched after the next one.
    const paused = lanes.filter((lane) => lane.paused);
    if (paused.length > 0) consumer.resume(paused.map(({ partition }) => partition));
    consumer.incrementalUnassign(lanes.map(({ partition }) => partition));
    for (const { partition } of lanes) this.#lanes.delete(nameOf(partition));
  }

  async #asked(): Promise<Topics> {
    const { admin } = await this.#connected();
    return (this.#topics ??= new Topics(admin, this.#options.topics));
  }

  async #connected(): Promise<LogClients> {
    const { client = loadClient, kafka, groupId = 'exactly-once-sink' } = this.#options;
    this.#clients ??= Promise.resolve(client()).then((module) =>
      connected(module, kafka, groupId).then((clients) => {
        clients.consumer.on('partition.eof', (end) => this.#lanes.get(nameOf(end))?.endsAt(end.offset));
        return clients;
      }, unreachable),
    );
    return this.#clients.catch((error: unknown) => {
      this.#clients = undefined;
      throw error;
    });
  }
}

function unreachable(cause: unknown): never {
  throw new SourceUnavailable(`no broker answers: ${clientErrorText(cause)}`, { cause });
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`;
}
