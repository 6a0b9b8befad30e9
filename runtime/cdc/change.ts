import type { SourcePosition } from './position.js';
import type { SourceRecord, TopicPartition } from './source.js';

/** Columns of a row, as JSON holds them. Integers that a JavaScript number does not hold exactly are bigints. */
export type Columns = Readonly<Record<string, unknown>>;

/** One change of one row. Its `key` and `row` may be getters, which a copy by spread does not take along. */
export interface Change {
  readonly partition: TopicPartition;
  readonly offset: bigint;
  /**
   * Where it is in the history of its source. @default - it has none, as a row of a snapshot: only its offset says
   * that it came before
   */
  readonly position?: SourcePosition;
  /**
   * Number of its transaction in the source. With it a change whose position says that it was told before is looked
   * for in the log: a connector that has begun again may give a transaction the position of an older one. @default -
   * the position alone decides
   */
  readonly transaction?: string;
  /** `read` is a row of a snapshot: how it was, and no event. */
  readonly kind: 'insert' | 'update' | 'read' | 'delete';
  /** The columns of the primary key. */
  readonly key: Columns;
  /** The row after the change; of a delete there is none. */
  readonly row?: Columns;
  /** Columns that the source did not send, because their large value is as it was. They are not in `row`. */
  readonly unchanged?: readonly string[];
  /** What came, as it came. */
  readonly record: SourceRecord;
}

/**
 * Makes a change of a record. Undefined for one that changes nothing, such as a tombstone: its offset is passed.
 *
 * @throws RecordRefused for a record that is no change.
 */
export type Decode = (record: SourceRecord, partition: TopicPartition) => Change | undefined;

/**
 * Only the last change of each row, in the order in which these came: rows are whole, so the last one says all. A
 * column that a later change did not bring is taken from the one before it.
 */
export function lastOfEachRow(changes: readonly Change[], keyOf: (change: Change) => string): Change[] {
  const last = new Map<string, Change>();
  for (const change of changes) {
    const key = keyOf(change);
    const before = last.get(key);
    last.delete(key);
    last.set(key, before === undefined ? change : merged(before, change));
  }
  return [...last.values()];
}

function merged(before: Change, change: Change): Change {
  const { unchanged = [] } = change;
  if (unchanged.length === 0 || before.row === undefined) return change;
  const { row: known } = before;
  const found = unchanged.filter((name) => Object.hasOwn(known, name));
  const { partition, offset, kind, key, record, position } = change;
  const row = { ...change.row, ...Object.fromEntries(found.map((name) => [name, known[name]])) };
  const left = unchanged.filter((name) => !found.includes(name));
  return { partition, offset, kind, key, record, position, row, unchanged: left };
}
