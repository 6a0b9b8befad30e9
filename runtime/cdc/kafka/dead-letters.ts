import {
  called,
  closed,
  type ClientModule,
  type ClientProducer,
  type ClientSettings,
} from '../../kafka/processor/client-port.js';
import { canBeCut, deadLetter, withoutValue } from '../../kafka/processor/dead-letter.js';
import { clientError, codes } from '../../kafka/processor/error-codes.js';
import { clientErrorText } from '../../kafka/processor/errors.js';
import type { Sending } from '../../kafka/processor/message.js';
import type { DeadLetter, DeadLetters } from '../dead-letters.js';
import { SinkUnavailable } from '../errors.js';
import { loadClient } from './client.js';

export interface KafkaDeadLettersOptions {
  /** Settings of librdkafka, such as `{ 'bootstrap.servers': '…' }`. What a letter needs is imposed. */
  readonly kafka: ClientSettings;
  /** It must exist, and no sink may read it. */
  readonly topic: string;
  /** Said in each letter. */
  readonly sinkName: string;
  /** @default - `@confluentinc/kafka-javascript`, which who uses it installs */
  readonly client?: () => ClientModule | Promise<ClientModule>;
}

/** Dead letters in a topic. */
export interface KafkaDeadLetters extends DeadLetters {
  /** Ends the connection. May be called more than once. */
  close(): Promise<void>;
}

const connectMs = 30_000;
/** Until a letter that no broker takes has failed. */
const deliveryMs = 30_000;
const pollMs = 20;

/**
 * Sends records that can never be written to a topic, as they came: key and value, and in headers why and from where
 * (`exactly-once-reason`, `-consumer`, `-topic`, `-topic-id`, `-partition`, `-offset`). `send` ends once every
 * replica that must be in sync has the letter, so that no offset passes a record without one.
 *
 * A letter may come more than once, after a crash or when an answer was lost: topic id, partition and offset name it.
 * A record that is too large for the topic is sent without its value (`exactly-once-value: omitted`).
 *
 * `send` throws `SinkUnavailable` while the topic takes nothing; `runSink` asks again.
 */
export function kafkaDeadLetters(options: KafkaDeadLettersOptions): KafkaDeadLetters {
  return new LettersTopic(options);
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class LettersTopic implements KafkaDeadLetters {
  readonly #options: KafkaDeadLettersOptions;
  #producer: Promise<ClientProducer> | undefined;

  constructor(options: KafkaDeadLettersOptions) {
    this.#options = options;
  }

  async send({ error, record }: DeadLetter): Promise<void> {
    const { topic: deadLetterTopic, sinkName: consumerName } = this.#options;
    const { partition, offset } = error;
    const letter = deadLetter({
      ...{ deadLetterTopic, consumerName, error },
      topicId: partition.topicId,
      message: {
        topic: partition.topic,
        partition: partition.partition,
        offset: Number(offset),
        key: record.key === null ? null : Buffer.from(record.key),
        value: record.value === null ? null : Buffer.from(record.value),
      },
      failures: 1,
    });
    try {
      await this.#delivered(letter).catch((cause: unknown) => {
        if (clientError(cause)?.code !== codes.messageTooLarge || !canBeCut(letter)) throw cause;
        return this.#delivered(withoutValue(letter));
      });
    } catch (cause) {
      throw new SinkUnavailable(
        'dead letters',
        `cannot send to topic '${deadLetterTopic}': ${clientErrorText(cause)}`,
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    this.#producer = undefined;
    if (producer !== undefined) await closed(producer);
  }

  async #delivered({ topic, partition, value, key, timestamp, headers }: Sending): Promise<void> {
    const producer = await this.#connected();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = { resolve, reject };
      // What it throws at once rejects, too.
      producer.produce(topic, partition, value, key, timestamp, waiting, headers);
    });
  }

  async #connected(): Promise<ClientProducer> {
    this.#producer ??= connected(this.#options);
    return this.#producer.catch((error: unknown) => {
      this.#producer = undefined;
      throw error;
    });
  }
}

async function connected({ client = loadClient, kafka }: KafkaDeadLettersOptions): Promise<ClientProducer> {
  const { Producer } = await client();
  const settings = {
    partitioner: 'murmur2_random',
    ...kafka,
    'enable.idempotence': true,
    'message.timeout.ms': deliveryMs,
    dr_cb: true,
  };
  const producer = new Producer(settings, {});
  // Without listeners these end the process. What fails says so in its report.
  producer.on('error', () => undefined);
  producer.on('event.error', () => undefined);
  producer.on('delivery-report', (error, { opaque }) => {
    const { resolve, reject } = opaque as Waiting;
    if (error === null || error === undefined) resolve();
    else reject(error);
  });
  try {
    await called((done) => producer.connect({ timeout: connectMs }, done));
  } catch (error) {
    await closed(producer);
    throw error;
  }
  producer.setPollInterval(pollMs);
  return producer;
}
