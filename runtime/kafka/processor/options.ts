import type { LeaseStore } from '../../dedup/lease-store.js';
import { InvalidSettings } from '../../dedup/errors.js';
import type { ClientModule, ClientSettings } from './client-port.js';
import type { ProcessorEvent } from './events.js';
import { logProcessorEvents } from './log-events.js';
import type { KafkaMessage, KafkaTransaction } from './message.js';

/** Slots of a group under leases: each process takes a free one, and another takes it over when it is gone. */
export interface SlotLeases {
  /** See `dynamoSlots`. */
  readonly store: Pick<LeaseStore, 'now' | 'read' | 'claim' | 'renew' | 'free'>;
  /** Processes at most, those of a deployment included. */
  readonly count: number;
  /** How long a slot stays taken after its process has died, in milliseconds. @default 15000 */
  readonly durationMs?: number;
  /** How long to wait for a free slot at the start, in milliseconds. @default 60000 */
  readonly waitMs?: number;
}

export interface KafkaProcessorOptions {
  /** The consumer group's id and the beginning of every transactional id. Stable, and one per processor (R1). */
  readonly consumerName: string;
  /** What is read. */
  readonly topics: readonly string[];
  /**
   * Settings of librdkafka for consumer and producer, such as `bootstrap.servers` and how to sign in. What the
   * guarantee hangs on cannot be set here.
   */
  readonly kafka: ClientSettings;
  /**
   * Which of the processes of the group this is: a number that no other running process has, or leases by which each
   * finds its own. Two with one number end each other; nothing is lost or doubled.
   */
  readonly slot: number | SlotLeases;
  /** Called once per message, in the order of its partition; partitions run beside each other. */
  readonly handle: (message: KafkaMessage, tx: KafkaTransaction) => void | Promise<void>;
  /**
   * Where a partition begins for which the group has no offset: its topic is new to the group, was created anew, or
   * the group's offsets have expired. A partition added to a topic that the group knows begins at its first record.
   *
   * @default - nowhere: OffsetMissing ends the processor (auto.offset.reset=none)
   */
  readonly start?: 'earliest' | 'latest';
  /** Gets what can never be processed, in the same transaction. @default - none: PoisonRecord ends the processor */
  readonly deadLetterTopic?: string;
  /** Failures of its handler until a record is dead-lettered. Those of a dependency do not count. @default 5 */
  readonly maxFailures?: number;
  /** Wait after the first failure, doubled with each one, in milliseconds. @default 200 */
  readonly retryDelayMs?: number;
  /** The longest wait between two tries, in milliseconds. @default 30000 */
  readonly maxRetryDelayMs?: number;
  /** A transaction is committed when it is so old, in milliseconds. @default 100 */
  readonly commitIntervalMs?: number;
  /** ... or holds so many messages. @default 2000 */
  readonly maxBatch?: number;
  /** After so long the broker aborts a transaction of a process that disappeared, in milliseconds. @default 10000 */
  readonly transactionTimeoutMs?: number;
  /** After so long without a heartbeat its partitions go to others, in milliseconds. @default 10000 */
  readonly sessionTimeoutMs?: number;
  /** Aborted transactions in a row until TransactionsFailing ends the processor. @default 10 */
  readonly maxAborts?: number;
  /** How long `stop` waits for running handlers, in milliseconds. @default 20000 */
  readonly drainMs?: number;
  /**
   * Is told what happens; what it throws is dropped. @default - `logProcessorEvents`: JSON lines on standard output
   */
  readonly observe?: (event: ProcessorEvent) => void;
  /** @default - `import('@confluentinc/kafka-javascript')` */
  readonly client?: () => ClientModule | Promise<ClientModule>;
}

export type ProcessorSettings = Omit<
  Required<KafkaProcessorOptions>,
  'start' | 'deadLetterTopic' | 'client'
> &
  Pick<KafkaProcessorOptions, 'start' | 'deadLetterTopic' | 'client'>;

/** Settings of librdkafka that are this library's. */
const reserved = [
  'group.id',
  'group.instance.id',
  'group.protocol',
  'enable.auto.commit',
  'enable.auto.offset.store',
  'enable.partition.eof',
  'enable.idempotence',
  'isolation.level',
  'auto.offset.reset',
  'transactional.id',
  'transaction.timeout.ms',
  'session.timeout.ms',
  'partition.assignment.strategy',
  'rebalance_cb',
  'acks',
];

/** Kafka: 249 characters for a topic; the group's id takes more, but it is part of other names. */
const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const topicPattern = /^[A-Za-z0-9_.-]{1,249}$/;

/** @throws InvalidSettings with everything that is wrong */
export function checkedSettings(options: KafkaProcessorOptions): ProcessorSettings {
  const settings: ProcessorSettings = {
    maxFailures: 5,
    retryDelayMs: 200,
    maxRetryDelayMs: 30_000,
    commitIntervalMs: 100,
    maxBatch: 2000,
    transactionTimeoutMs: 10_000,
    sessionTimeoutMs: 10_000,
    maxAborts: 10,
    drainMs: 20_000,
    observe: logProcessorEvents(options.consumerName),
    ...options,
  };
  const { consumerName, topics, kafka, slot, deadLetterTopic } = settings;
  const problems: string[] = [];
  if (!namePattern.test(consumerName))
    problems.push(
      `consumerName must be 1 to 64 of A-Z a-z 0-9 _ . -, got '${consumerName.slice(0, 80)}'; choose a stable name`,
    );
  const badTopics = [...topics, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])].filter(
    (topic) => !topicPattern.test(topic),
  );
  if (topics.length === 0) problems.push('topics is empty; name what is read');
  if (badTopics.length > 0)
    problems.push(`'${badTopics.join("', '")}' cannot be the name of a topic: 1 to 249 of A-Z a-z 0-9 _ . -`);
  if (deadLetterTopic !== undefined && topics.includes(deadLetterTopic))
    problems.push(
      `deadLetterTopic '${deadLetterTopic}' is one of topics; it would read its own dead letters`,
    );
  const set = reserved.filter((name) => name in kafka);
  if (set.length > 0)
    problems.push(`kafka sets ${set.join(', ')}, on which the guarantee hangs; leave it to the processor`);
  if (!('bootstrap.servers' in kafka) && !('metadata.broker.list' in kafka))
    problems.push("kafka has no 'bootstrap.servers'; give the brokers as 'host:port,host:port'");
  const count = typeof slot === 'number' ? slot : slot.count;
  const least = typeof slot === 'number' ? 0 : 1;
  if (!Number.isSafeInteger(count) || count < least || count > 9999)
    problems.push(
      `${typeof slot === 'number' ? 'slot' : 'slot.count'} must be ${least} to 9999, got ${count}`,
    );
  const positive = [
    'maxFailures',
    'retryDelayMs',
    'maxRetryDelayMs',
    'commitIntervalMs',
    'maxBatch',
    'transactionTimeoutMs',
    'sessionTimeoutMs',
    'maxAborts',
    'drainMs',
  ] as const;
  for (const name of positive)
    if (!Number.isSafeInteger(settings[name]) || settings[name] <= 0)
      problems.push(`${name} must be a positive whole number, got ${settings[name]}`);
  if (settings.commitIntervalMs * 2 > settings.transactionTimeoutMs)
    problems.push(
      `commitIntervalMs is ${settings.commitIntervalMs}, which must be at most half of transactionTimeoutMs (${settings.transactionTimeoutMs})`,
    );
  if (problems.length > 0) throw new InvalidSettings(problems);
  return settings;
}
