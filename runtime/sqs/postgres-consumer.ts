import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../consumer/arrival.js';
import type { KeySource, Message } from '../consumer/message.js';
import { InvalidSettings } from '../dedup/error.js';
import { assertConsumerName, receiptId } from '../dedup/identity.js';
import { letGo } from '../dedup/let-go.js';
import { withOwnBody } from '../dedup/own-copy.js';
import type { PostgresLeases } from '../lease/postgres-leases.js';
import type { Isolation } from '../postgres/begin.js';
import type { PostgresTx } from '../postgres/transaction.js';
import { postgresWay } from '../postgres/transaction-way.js';
import type { SqsConsumer } from './handler.js';
import { postgresHandlerOf, type PostgresConsumerParts } from './postgres-handler.js';

export interface PostgresConsumerOptions<
  Schema extends StandardSchemaV1,
> extends PostgresConsumerParts<Schema> {
  /**
   * How long a receipt lives, in seconds: as long as a message can come again, or longer (R8).
   *
   * @default - `settings.receiptRetentionSeconds`
   */
  readonly receiptRetentionSeconds?: number;
  /**
   * What the transactions of handlers see of others. With the default no update is lost; what a handler decides on
   * rows that it does not write needs `FOR SHARE` or `serializable`.
   *
   * @default 'repeatable read'
   */
  readonly isolation?: Isolation;
  /**
   * Makes the message's identity from what the producer wrote: body, attributes, group. SQS's own ids are not
   * offered, because a redrive changes them.
   */
  readonly key: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string;
  /**
   * Writes through `tx`, in an open transaction that holds the receipt already. May run more than once for one
   * message, so it must have no effect outside `tx`. What it returns is kept in the receipt. A throw rolls back and
   * means "try again"; {@link RejectMessage} means "never".
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>, tx: PostgresTx) => unknown;
  /** Gives transactions `tx.once`. @default - `tx.once` throws */
  readonly leases?: PostgresLeases;
}

/**
 * A Lambda handler whose messages act exactly once on Postgres: whatever `handle` writes through its transaction is
 * committed with the receipt of the message, or neither.
 *
 * Guarantees: of all deliveries of messages with one key, whoever runs them, the writes of at most one become
 * durable, for as long as the receipt is kept; a message is acknowledged only when its receipt is durable or it is in
 * the dead-letter queue with the reason. Messages of one FIFO group act in order.
 *
 * Does not guarantee: anything about effects outside `tx`, and nothing behind a standby that had not received the
 * commit when it took over.
 *
 * As many messages are handled at once as the pool has connections; with `leases`, half as many. The event source
 * must report batch item failures.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresConsumer<Schema extends StandardSchemaV1>(
  options: PostgresConsumerOptions<Schema>,
): SqsConsumer {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { settings, pool, isolation, handle } = options;
  const { consumerName } = settings;
  assertConsumerName(consumerName);
  const retentionSeconds = options.receiptRetentionSeconds ?? settings.receiptRetentionSeconds;
  if (retentionSeconds === undefined)
    throw new InvalidSettings([
      'receiptRetentionSeconds is not set; give as long as a message can come again: queue and dead-letter queue, once more for each redrive',
    ]);
  return postgresHandlerOf(
    options,
    (source: KeySource<Body>) => {
      const key = letGo(options.key(source));
      return { key, id: receiptId(consumerName, key) };
    },
    postgresWay<Message<Body>, Recognised<Body>>({
      pool,
      retentionSeconds,
      isolation,
      handle: (message, tx) => handle(withOwnBody(message), tx),
      onceFor: options.leases?.({ pool, retentionSeconds, consumerName }),
    }),
  );
}
