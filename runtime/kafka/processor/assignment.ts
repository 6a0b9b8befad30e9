import { sleep } from '../../dedup/sleep.js';
import {
  called,
  type ClientAdmin,
  type ClientConsumer,
  type CommittedOffset,
  type ListedOffset,
  type TopicPartition,
} from './client-port.js';
import { KafkaFailed, OffsetMissing } from './errors.js';
import { readIncarnation, type Incarnations } from './incarnations.js';
import { Lane } from './lane.js';
import type { ProcessorSettings } from './options.js';
import { decideStart } from './start.js';

const callMs = 10_000;
/** A transaction of an owner that disappeared may keep the offsets unstable until its time is over. */
const unstableMs = 60_000;
/** What the client sends for the first record and for the one after the last. */
const earliest = -2;
const latest = -1;
/** Kafka's isolation level: up to the last stable offset. */
const readCommitted = 1;

/** A lane for a partition, and whether its beginning is not committed yet. */
export interface Begun {
  readonly lane: Lane;
  readonly isNew: boolean;
}

/** Finds out where partitions begin that were just assigned. */
export class Assignment {
  readonly #consumer: ClientConsumer;
  readonly #admin: ClientAdmin;
  readonly #incarnations: Incarnations;
  readonly #settings: Pick<ProcessorSettings, 'consumerName' | 'start' | 'topics'>;

  constructor(
    clients: { consumer: ClientConsumer; admin: ClientAdmin; incarnations: Incarnations },
    settings: ProcessorSettings,
  ) {
    this.#consumer = clients.consumer;
    this.#admin = clients.admin;
    this.#incarnations = clients.incarnations;
    this.#settings = settings;
  }

  /** @throws OffsetMissing, TopicRecreated, KafkaFailed */
  async begin(partitions: readonly TopicPartition[]): Promise<Begun[]> {
    if (partitions.length === 0) return [];
    const { consumerName, start } = this.#settings;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const now = await this.#incarnations.readAll(consumerName, topics);
    // Partitions are numbered from 0 and never taken away: the first one tells what the group knows of a topic.
    const heads = topics.map((topic) => ({ topic, partition: 0 }));
    const committed = await this.#committed(union(partitions, heads));
    const first = await this.#offsets(partitions, earliest);
    const begun = partitions.map(({ topic, partition }) => {
      const incarnation = now.get(topic) ?? { id: '', partitions: 0 };
      const atStart = readIncarnation(find(committed, topic, 0)?.metadata);
      const isKnown = atStart?.id === incarnation.id;
      const at = find(committed, topic, partition);
      const begin = decideStart(
        {
          topic,
          partition,
          topicId: incarnation.id,
          committed: at?.offset !== undefined && at.offset >= 0 ? at.offset : undefined,
          committedTopicId: readIncarnation(at?.metadata)?.id,
          earliest: find(first, topic, partition)?.offset ?? 0,
          isAddedLater: isKnown && partition >= atStart.partitions,
        },
        consumerName,
        start,
      );
      return { topic, partition, incarnation: isKnown ? atStart : incarnation, begin };
    });
    const atTheEnd = begun.filter(({ begin }) => 'latest' in begin);
    const last = atTheEnd.length === 0 ? [] : await this.#offsets(atTheEnd, latest);
    return begun.map(({ topic, partition, incarnation, begin }) => {
      const { at, isNew } =
        'at' in begin ? begin : { at: find(last, topic, partition)?.offset ?? 0, isNew: true };
      return { lane: new Lane(topic, partition, incarnation, at), isNew };
    });
  }

  /**
   * Retention has not overtaken what is to be read next. The client says so once, and may have dropped it.
   *
   * @throws OffsetMissing, KafkaFailed
   */
  async assertStillThere(lanes: readonly Lane[]): Promise<void> {
    if (lanes.length === 0) return;
    for (const { topic, partition, offset } of await this.#offsets(lanes, earliest)) {
      const lane = lanes.find((one) => one.topic === topic && one.partition === partition);
      if (lane !== undefined && lane.offset < offset)
        throw new OffsetMissing(
          this.#settings.consumerName,
          topic,
          partition,
          `records ${lane.offset} to ${offset - 1} were deleted before they were read`,
        );
    }
  }

  /**
   * How many offsets lie between what is committed and the last stable one. Records of transactions that are still
   * open are not among them: nobody could read them. Marks of transactions are, because Kafka numbers them, too.
   *
   * @throws KafkaFailed
   */
  async lag(lanes: readonly Lane[]): Promise<number> {
    if (lanes.length === 0) return 0;
    const ends = await this.#offsets(lanes, latest);
    return lanes.reduce((sum, { topic, partition, committed }) => {
      const end = find(ends, topic, partition)?.offset ?? committed;
      return sum + Math.max(0, end - committed);
    }, 0);
  }

  /** Waits for transactions that are just writing them (KIP-447): a read_committed consumer gets stable ones only. */
  async #committed(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    const until = performance.now() + unstableMs;
    for (;;)
      try {
        const found = await called<CommittedOffset[]>((done) =>
          this.#consumer.committed(partitions, callMs, done),
        );
        const error = found.find(({ error }) => error !== undefined)?.error;
        if (error !== undefined) throw error;
        return found;
      } catch (cause) {
        if (performance.now() > until) throw new KafkaFailed('read committed offsets', { cause });
        await sleep(200);
      }
  }

  async #offsets(partitions: readonly TopicPartition[], at: number): Promise<ListedOffset[]> {
    const wanted = partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: { timestamp: at },
    }));
    const found = await called<ListedOffset[]>((done) =>
      this.#admin.listOffsets(wanted, { timeout: callMs, isolationLevel: readCommitted }, done),
    ).catch((cause: unknown) => {
      throw new KafkaFailed('list offsets', { cause });
    });
    const failed = found.find(({ error }) => error !== undefined);
    if (failed?.error !== undefined) throw new KafkaFailed('list offsets', { cause: failed.error });
    return found;
  }
}

function find<T extends TopicPartition>(all: readonly T[], topic: string, partition: number): T | undefined {
  return all.find((one) => one.topic === topic && one.partition === partition);
}

function union(some: readonly TopicPartition[], more: readonly TopicPartition[]): TopicPartition[] {
  return [...some, ...more.filter(({ topic, partition }) => find(some, topic, partition) === undefined)];
}
