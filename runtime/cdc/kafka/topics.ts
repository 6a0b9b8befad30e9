import {
  called,
  type ClientAdmin,
  type ListedOffset,
  type TopicDescription,
} from '../../kafka/processor/client-port.js';
import { codes } from '../../kafka/processor/error-codes.js';
import { clientErrorText } from '../../kafka/processor/errors.js';
import { SourceUnavailable } from '../errors.js';
import type { TopicPartition } from '../source.js';
import { TopicRecreated } from './topic-recreated.js';

const callMs = 10_000;
/** What the client sends for the first record, and for the one after the last. */
const earliest = -2;
const latest = -1;
/** Kafka's isolation level: up to the last stable offset. */
const readCommitted = 1;

/** What the brokers say of topics: which stand behind the names, and how far they reach. */
export class Topics {
  readonly #admin: ClientAdmin;
  readonly #names: readonly string[];
  #checking: { readonly since: number; readonly found: Promise<ReadonlyMap<string, string>> } | undefined;

  constructor(admin: ClientAdmin, names: readonly string[]) {
    this.#admin = admin;
    this.#names = names;
  }

  /** @throws SourceUnavailable for a topic that is not there, or may not be read */
  async partitions(): Promise<TopicPartition[]> {
    const found = await this.#described();
    return this.#names.flatMap((topic) => {
      const { topicId, partitions = [], error } = found.find(({ name }) => name === topic) ?? {};
      const id = idOf(topicId);
      if (id === undefined || error !== undefined || partitions.length === 0)
        throw new SourceUnavailable(
          `topic '${topic}' cannot be read: ${error === undefined ? 'there is none' : clientErrorText(error)}`,
        );
      return partitions.map((_, partition) => ({ topic, topicId: id, partition }));
    });
  }

  /** @throws SourceUnavailable */
  async bounds(partition: TopicPartition): Promise<{ readonly start: bigint; readonly end: bigint }> {
    const [start, end] = [await this.#offset(partition, earliest), await this.#offset(partition, latest)];
    return { start: BigInt(start), end: BigInt(end) };
  }

  /**
   * What was received before this call is of this very topic if it still stands behind the name now. Calls of many
   * partitions share a question that began late enough for all.
   *
   * @throws TopicRecreated, SourceUnavailable
   */
  async assertUnchanged(partition: TopicPartition, receivedAt: number): Promise<void> {
    if (this.#checking === undefined || this.#checking.since <= receivedAt)
      this.#checking = { since: performance.now(), found: this.#ids() };
    const now = (await this.#checking.found).get(partition.topic);
    if (now !== partition.topicId) throw new TopicRecreated(partition, now);
  }

  async #ids(): Promise<ReadonlyMap<string, string>> {
    return new Map(
      (await this.#described()).flatMap(({ name, topicId, error }) => {
        if (error !== undefined && error.code !== codes.unknownTopic)
          throw new SourceUnavailable(`topic '${name}' cannot be read: ${clientErrorText(error)}`);
        const id = idOf(topicId);
        return id === undefined || error !== undefined ? [] : [[name, id] as const];
      }),
    );
  }

  async #described(): Promise<TopicDescription[]> {
    return called<TopicDescription[]>((done) =>
      this.#admin.describeTopics(this.#names, { timeout: callMs }, done),
    ).catch((cause: unknown) => {
      throw new SourceUnavailable(`the topics cannot be described: ${clientErrorText(cause)}`, { cause });
    });
  }

  async #offset({ topic, partition }: TopicPartition, timestamp: number): Promise<number> {
    const options = { timeout: callMs, isolationLevel: readCommitted };
    const [found] = await called<ListedOffset[]>((done) =>
      this.#admin.listOffsets([{ topic, partition, offset: { timestamp } }], options, done),
    ).catch((cause: unknown) => {
      throw unlisted(topic, partition, cause);
    });
    if (found === undefined || found.error !== undefined) throw unlisted(topic, partition, found?.error);
    return found.offset;
  }
}

function unlisted(topic: string, partition: number, cause: unknown): SourceUnavailable {
  return new SourceUnavailable(
    `offsets of ${topic}[${partition}] cannot be listed: ${clientErrorText(cause)}`,
    {
      cause,
    },
  );
}

function idOf(topicId: TopicDescription['topicId']): string | undefined {
  return topicId?.base64 ?? topicId?.base64str;
}
