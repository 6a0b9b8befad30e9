import { called, type ClientAdmin, type TopicDescription } from './client-port.js';
import { KafkaFailed, OffsetMissing, TopicRecreated } from './errors.js';

const callMs = 10_000;

/** A topic as it is now. */
export interface Incarnation {
  readonly id: string;
  readonly partitions: number;
}

/** What stands beside every committed offset: which topic it is of, and how many partitions it had at the start. */
export function incarnationText({ id, partitions }: Incarnation): string {
  return `${id}/${partitions}`;
}

/** Undefined when it was not this library that committed the offset. */
export function readIncarnation(text: string | null | undefined): Incarnation | undefined {
  const [, id, partitions] = /^(.+)\/(\d{1,9})$/.exec(text ?? '') ?? [];
  return id === undefined || partitions === undefined ? undefined : { id, partitions: Number(partitions) };
}

/**
 * Which topics stand behind their names (R2). Ids are read from the brokers' metadata; a broker that lags tells the
 * earlier one for that long, so a topic must not be deleted, created anew and filled beyond the old offsets within
 * it.
 */
export class Incarnations {
  readonly #admin: ClientAdmin;

  constructor(admin: ClientAdmin) {
    this.#admin = admin;
  }

  /** The topics now. One that is gone is absent. @throws KafkaFailed */
  async read(topics: readonly string[]): Promise<ReadonlyMap<string, Incarnation>> {
    const found = await called<TopicDescription[]>((done) =>
      this.#admin.describeTopics(topics, { timeout: callMs }, done),
    ).catch((cause: unknown) => {
      throw new KafkaFailed('describe topics', { cause });
    });
    return new Map(
      found.flatMap(({ name, topicId, partitions, error }) => {
        const id = topicId?.base64 ?? topicId?.base64str;
        return id === undefined || error !== undefined
          ? []
          : [[name, { id, partitions: partitions?.length ?? 0 }] as const];
      }),
    );
  }

  /** The same for topics that must be there. @throws OffsetMissing, KafkaFailed */
  async readAll(consumerName: string, topics: readonly string[]): Promise<ReadonlyMap<string, Incarnation>> {
    const found = await this.read(topics);
    const missing = topics.find((topic) => !found.has(topic));
    if (missing !== undefined)
      throw new OffsetMissing(
        consumerName,
        missing,
        undefined,
        'there is no such topic that this client may describe; create it, or let the client read it',
      );
    return found;
  }

  /**
   * What was fetched before this call is of these very topics if they are still the same now.
   *
   * @throws TopicRecreated, KafkaFailed
   */
  async assertUnchanged(
    known: Iterable<{ readonly topic: string; readonly incarnation: Incarnation }>,
  ): Promise<void> {
    const before = new Map([...known].map(({ topic, incarnation }) => [topic, incarnation.id]));
    if (before.size === 0) return;
    const now = await this.read([...before.keys()]);
    for (const [topic, id] of before)
      if (now.get(topic)?.id !== id) throw new TopicRecreated(topic, id, now.get(topic)?.id);
  }
}
