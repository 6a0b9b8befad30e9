import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Insertion } from '../dynamodb/insert-store.js';
import { letGo } from '../dedup/let-go.js';
import { insertWay } from '../dynamodb/insert-way.js';
import { addressOf, type Row, type Table } from '../dynamodb/table.js';
import { handlerOf, type ConsumerOptions, type SqsConsumer } from './handler.js';
import type { Recognised } from '../consumer/arrival.js';
import type { KeySource } from '../consumer/message.js';

export interface SqsInsertConsumerOptions<Schema extends StandardSchemaV1> extends ConsumerOptions<Schema> {
  /** Where the rows go. No TTL, and no deletes within the horizon: the row is the receipt (R15). */
  readonly table: Table;
  /** The row that a message makes. Its key must be the business key, from what the producer wrote. */
  readonly row: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => Row;
}

/**
 * A Lambda handler whose messages each make one new row, exactly once: the row is its own receipt, so that the
 * protection costs nothing beside the write itself (1 write unit per KB). A copy costs one refused write.
 *
 * Guarantees and limits: see {@link insertWay}. Two messages with one row key and different payloads: the later one
 * is rejected.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsInsertConsumer<Schema extends StandardSchemaV1>(
  options: SqsInsertConsumerOptions<Schema>,
): SqsConsumer {
  const { table, row } = options;
  return handlerOf<Schema, Insertion>(
    options,
    (source) => {
      const { id, key } = addressOf(table, letGo(row(source)));
      return { id, key: JSON.stringify(key) };
    },
    ({ dynamodb }) =>
      insertWay<
        KeySource<StandardSchemaV1.InferOutput<Schema>>,
        Recognised<StandardSchemaV1.InferOutput<Schema>>
      >(dynamodb, table, row),
  );
}
