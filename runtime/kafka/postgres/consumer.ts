import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../../consumer/arrival.js';
import type { Message } from '../../consumer/message.js';
import { InvalidSettings } from '../../dedup/error.js';
import { assertConsumerName } from '../../dedup/identity.js';
import { withOwnBody } from '../../dedup/own-copy.js';
import type { PostgresLeases } from '../../lease/postgres-leases.js';
import type { Isolation } from '../../postgres/begin.js';
import type { PostgresPool } from '../../postgres/client.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import { postgresWay } from '../../postgres/transaction-way.js';
import { DeliveryCount } from '../delivery-count.js';
import { recordHandler, type KafkaConsumer } from '../handler.js';
import type { ByKey, ByPosition, RecordOptions } from '../options.js';
import type { PostgresKafkaSettings } from '../settings.js';
import { PostgresCountRows } from './count-rows.js';

interface PostgresOptions<Schema extends StandardSchemaV1> extends RecordOptions<Schema> {
  /** `postgresKafkaSettings(process.env)`, or by hand. */
  readonly settings: PostgresKafkaSettings;
  /** Connections to the database: a `Pool` of `pg`, made once per process. */
  readonly pool: PostgresPool;
  /**
   * How long a receipt lives, in seconds: as long as a record can come again, or longer (R8).
   *
   * @default - `settings.receiptRetentionSeconds`
   */
  readonly receiptRetentionSeconds?: number;
  /** As of `postgresConsumer`. @default 'repeatable read' */
  readonly isolation?: Isolation;
  /**
   * Writes through `tx`, in an open transaction that holds the receipt already. May run more than once for one
   * record, so it must have no effect outside `tx`. What it returns is kept in the receipt. A throw rolls back and
   * means "try again"; `RejectMessage` means "never". Of the message, `group` is the record's key, `attributes` its
   * text headers, `sequence` its offset.
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>, tx: PostgresTx) => unknown;
  /** Gives transactions `tx.once`: `postgresLeases()`. @default - `tx.once` throws */
  readonly leases?: PostgresLeases;
}

export type PostgresKafkaConsumerOptions<Schema extends StandardSchemaV1> = PostgresOptions<Schema> &
  (ByKey<Schema> | ByPosition);

/**
 * A Lambda handler whose Kafka records act exactly once on Postgres: whatever `handle` writes through its transaction
 * is committed with the receipt of the record, or neither.
 *
 * Guarantees what `kafkaConsumer` does: the writes of at most one delivery per identity become durable, for as long
 * as the receipt is kept; a record is acknowledged only when its receipt is durable or it is in the dead-letter queue
 * with the reason; order within a partition, or a key of it. Does not guarantee anything about effects outside `tx`,
 * about what the mapping discards, or behind a standby that had not received the commit when it took over.
 *
 * Records of a partition act one after the other, each in a transaction of its own; with `order: 'key'` as many keys
 * side by side as the pool has connections. A batch is written down before it runs: one row per partition.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresKafkaConsumer<Schema extends StandardSchemaV1>(
  options: PostgresKafkaConsumerOptions<Schema>,
): KafkaConsumer {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { settings, pool, isolation, handle } = options;
  const { consumerName } = settings;
  assertConsumerName(consumerName);
  const retentionSeconds = options.receiptRetentionSeconds ?? settings.receiptRetentionSeconds;
  if (retentionSeconds === undefined)
    throw new InvalidSettings([
      'receiptRetentionSeconds is not set; give as long as a record can come again: topic and dead-letter queue, once more for each redrive',
    ]);
  const way = postgresWay<Message<Body>, Recognised<Body>>({
    pool,
    retentionSeconds,
    isolation,
    handle: (message, tx) => handle(withOwnBody(message), tx),
    onceFor: options.leases?.({ pool, retentionSeconds, consumerName }),
  });
  const deliveries = new DeliveryCount(new PostgresCountRows(pool, consumerName), consumerName);
  return recordHandler(options, {
    way,
    deliveries,
    failureStore: async () => {
      const { countedFailures, PostgresFailureStore } = await import('./trouble.js');
      return countedFailures(new PostgresFailureStore(pool, consumerName), deliveries);
    },
  });
}
