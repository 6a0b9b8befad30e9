import { parseJson } from '../dedup/exact-json.js';
import { openingPosition, sourcePosition, type SourcePosition } from './position.js';
import type { Columns, Decode } from './change.js';
import { assertDebezium } from './debezium-version.js';
import { UndecodableRecord } from './errors.js';
import type { SourceRecord } from './source.js';

export interface DebeziumOptions {
  /**
   * Of the Postgres that the connector reads: `SELECT system_identifier FROM pg_control_system()`. A record does not
   * say it, and without it the positions of two clusters would be compared.
   */
  readonly systemId: string;
  /** `SELECT timeline_id FROM pg_control_checkpoint()`: one more after each promotion of a standby. @default 1 */
  readonly timeline?: number;
  /**
   * Columns of the primary key of a topic's table, where the record's key is not to be used.
   *
   * @default - those of the record's key
   */
  readonly key?: Readonly<Record<string, readonly string[]>>;
}

/** What Debezium puts in place of a large value that the update left as it was (TOAST). */
const unavailable = '__debezium_unavailable_value';
const kinds = { c: 'insert', u: 'update', r: 'read', d: 'delete' } as const;

/**
 * Decodes Debezium's change events of Postgres, as Connect's JsonConverter writes them with and without schemas.
 *
 * The connector needs `provide.transaction.metadata=true`: without the ordinal in its transaction a change that comes
 * again under a new offset cannot be told from a new one, and is refused. Rows of a snapshot have no position: a
 * snapshot that is begun anew reads each row again, as it is then.
 *
 * @see https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events
 * @throws DebeziumTooOld when a record comes from a version that can lose rows; UndecodableRecord.
 */
export function debezium({ systemId, timeline = 1, key: keys = {} }: DebeziumOptions): Decode {
  let known = '';
  return (record, partition) => {
    const { offset, value } = record;
    if (value === null) return undefined;
    const refuse = (problem: string, cause?: unknown) =>
      new UndecodableRecord(partition, offset, problem, { cause });
    const envelope = objectIn(value, 'value', refuse);
    const { op, source, before, after, transaction } = envelope as Partial<Envelope>;
    // Ends of transactions and heartbeats, where somebody routes them into a topic of changes.
    if (op === undefined && source === undefined && isMarker(envelope)) return undefined;
    if (!isObject(source)) throw refuse('has no `source`');
    if (source.version !== known) {
      assertDebezium(String(source.version));
      known = String(source.version);
    }
    if (op === 'm') return undefined;
    if (op === 't') throw refuse('is a TRUNCATE, which no sink repeats; keep `t` in `skipped.operations`');
    const kind = kinds[op as keyof typeof kinds] as (typeof kinds)[keyof typeof kinds] | undefined;
    if (kind === undefined) throw refuse('has an `op` that is none of c, u, r, d and m');
    const image = kind === 'delete' ? before : after;
    if (!isObject(image)) throw refuse(`has no \`${kind === 'delete' ? 'before' : 'after'}\``);
    const { row, unchanged } = arrived(image);
    return {
      partition,
      offset,
      kind,
      key: keyOf(record, image, keys[partition.topic], refuse),
      ...(kind === 'delete' ? {} : { row }),
      ...(unchanged.length > 0 && kind !== 'delete' && { unchanged }),
      ...(kind !== 'read' && {
        position: positionOf(source, transaction, { systemId, timeline }, refuse),
      }),
      record,
    };
  };
}

interface Envelope {
  readonly op: unknown;
  readonly source: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly transaction: unknown;
}

type Refuse = (problem: string, cause?: unknown) => UndecodableRecord;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The object in the bytes, out of the `payload` where schemas come along. */
function objectIn(bytes: Uint8Array, name: string, refuse: Refuse): Columns {
  let value: unknown;
  try {
    value = parseJson(utf8.decode(bytes));
  } catch (cause) {
    throw refuse(
      `has a ${name} that is no JSON in UTF-8, or has a number that cannot be kept exactly`,
      cause,
    );
  }
  if (isObject(value) && 'schema' in value && 'payload' in value && Object.keys(value).length === 2)
    value = value.payload;
  if (!isObject(value)) throw refuse(`has a ${name} that is no object`);
  return value;
}

function isMarker(envelope: Columns): boolean {
  return 'status' in envelope && 'id' in envelope ? true : Object.keys(envelope).join() === 'ts_ms';
}

function arrived(image: Columns): { readonly row: Columns; readonly unchanged: readonly string[] } {
  const unchanged = Object.keys(image).filter((name) => image[name] === unavailable);
  if (unchanged.length === 0) return { row: image, unchanged };
  const row = Object.fromEntries(Object.entries(image).filter(([, value]) => value !== unavailable));
  return { row, unchanged };
}

function keyOf(
  { key }: SourceRecord,
  image: Columns,
  names: readonly string[] | undefined,
  refuse: Refuse,
): Columns {
  if (names === undefined) {
    if (key === null) throw refuse('has no key; give the table a primary key, or name its columns in `key`');
    return objectIn(key, 'key', refuse);
  }
  const missing = names.find((name) => image[name] === undefined || image[name] === null);
  if (missing !== undefined) throw refuse(`lacks column '${missing}' of its key`);
  return Object.fromEntries(names.map((name) => [name, image[name]]));
}

function positionOf(
  source: Columns,
  transaction: unknown,
  system: { readonly systemId: string; readonly timeline: number },
  refuse: Refuse,
): SourcePosition {
  const ordinal = isObject(transaction) ? integer(transaction.total_order) : undefined;
  if (ordinal === undefined)
    throw refuse(
      'has no `transaction.total_order`; set `provide.transaction.metadata=true` in the connector',
    );
  const before = commitBefore(source.sequence);
  if (before === undefined) throw refuse('has no commit in `source.sequence`');
  if (before === null) {
    const id = integer(source.txId);
    if (id === undefined) throw refuse('has neither a commit before it nor a `source.txId`');
    return openingPosition({ ...system, ordinal }, id);
  }
  return sourcePosition({ ...system, commitLsn: before, ordinal });
}

/** `["<LSN of the last commit>","<LSN of the change>"]`. Null: the connector has seen no commit yet. */
function commitBefore(sequence: unknown): bigint | null | undefined {
  if (typeof sequence !== 'string') return undefined;
  try {
    const [commit] = JSON.parse(sequence) as readonly unknown[];
    return commit === null ? null : integer(commit);
  } catch {
    return undefined;
  }
}

function integer(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value >= 0n ? value : undefined;
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}

function isObject(value: unknown): value is Columns {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
