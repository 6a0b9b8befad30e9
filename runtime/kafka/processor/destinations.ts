import { RejectMessage } from '../../dedup/errors.js';
import { called, type ClientProducer, type Metadata } from './client-port.js';
import { DestinationMissing, KafkaFailed } from './errors.js';
import type { Sending } from './message.js';

const callMs = 10_000;

/**
 * Which topics records may go to, and how many partitions those have: a record for one that is not there would fail
 * the transaction of everybody in it, each time again. What is known is kept until a transaction fails.
 */
export class Destinations {
  readonly #asker: Pick<ClientProducer, 'getMetadata'>;
  /** By topic, how many. */
  #partitions = new Map<string, number>();

  constructor(asker: Pick<ClientProducer, 'getMetadata'>) {
    this.#asker = asker;
  }

  /** The next look asks the brokers again: a topic may have been deleted. */
  forget(): void {
    this.#partitions = new Map();
  }

  /** Whether nobody need be asked. */
  areKnown(sendings: readonly Sending[]): boolean {
    return sendings.every(({ topic, partition }) => this.#has(topic, partition));
  }

  /**
   * @throws DestinationMissing for a topic that is not there, RejectMessage for a partition that its topic does not
   *   have, KafkaFailed
   */
  async assertThere(sendings: readonly Pick<Sending, 'topic' | 'partition'>[]): Promise<void> {
    for (const { topic, partition } of sendings) {
      if (this.#has(topic, partition)) continue;
      // Partitions may have been added since.
      const partitions = await this.#read(topic);
      if (partitions === 0) throw new DestinationMissing(topic);
      this.#partitions.set(topic, partitions);
      if (!this.#has(topic, partition))
        throw new RejectMessage(
          `tx.send was given partition ${partition} of topic '${topic}', which has ${partitions}, numbered from 0`,
        );
    }
  }

  #has(topic: string, partition: number | null): boolean {
    const partitions = this.#partitions.get(topic);
    return partitions !== undefined && (partition ?? 0) < partitions;
  }

  async #read(topic: string): Promise<number> {
    const { topics } = await called<Metadata>((done) =>
      this.#asker.getMetadata({ topic, timeout: callMs }, done),
    ).catch((cause: unknown) => {
      throw new KafkaFailed('read metadata', { cause });
    });
    return topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
  }
}
