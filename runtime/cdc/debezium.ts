import { ExactlyOnceError } from '../dedup/error.js';
import { mayBeInexact } from '../dedup/plain-json.js';
import { openingPosition, sourcePosition, type SourcePosition } from './position.js';
import type { Change, Columns, Decode } from './change.js';
import { assertDebezium } from './debezium-version.js';
import { UndecodableRecord } from './errors.js';
import { parseJavaJson } from './java-json.js';
import type { SourceRecord, TopicPartition } from './source.js';
import { isUnavailable } from './unavailable.js';

export interface DebeziumOptions {
  /**
   * Of the Postgres that the connector reads: `SELECT system_identifier FROM pg_control_system()`. A record does not
   * say it, and without it the positions of two clusters would be compared.
   */
  readonly systemId: string;
  /** `SELECT timeline_id FROM pg_control_checkpoint()`: one more after each promotion of a standby. @default 1 */
  readonly timeline?: number;
  /**
   * Columns of the primary key of a topic's table, where the record's key is not to be used. Set REPLICA IDENTITY
   * FULL for that table: an update that changes one of them is refused then, because the row would stay under its old
   * key, too. Where the row as it was does not come along nobody sees that.
   *
   * @default - those of the record's key
   */
  readonly key?: Readonly<Record<string, readonly string[]>>;
}

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
    const text = textOf(value, 'value', refuse);
    const envelope = parsed(text, 'value', refuse, JSON.parse);
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
    const side = kind === 'delete' ? 'before' : 'after';
    const rough = kind === 'delete' ? before : after;
    if (!isObject(rough)) throw refuse(`has no \`${side}\``);
    const names = keys[partition.topic];
    if (names === undefined && record.key === null)
      throw refuse('has no key; give the table a primary key, or name its columns in `key`');
    const position =
      kind === 'read' ? undefined : positionOf(source, transaction, { systemId, timeline }, refuse);
    const unchanged = kind === 'delete' ? none : missingIn(rough);
    if (kind === 'update' && names !== undefined && isObject(before) && isMoved(before, rough, names))
      throw refuse('changes a column of its `key`: which row was there before, no sink can be told by it');
    // Read again, and not kept: what is held of each record in a batch is its bytes.
    const image = () => exactImage(textOf(value, 'value', refuse), side, refuse);
    const number = integer(source.txId);
    const id = number === undefined ? undefined : String(number);
    return new DebeziumChange(partition, record, kind, position, id, unchanged, image, (row) =>
      keyOf(record, row, names, refuse),
    );
  };
}

const none: readonly string[] = [];

/** Who passes records on as they came, needs neither row nor key: they are made when somebody asks, once. */
class DebeziumChange implements Change {
  readonly offset: bigint;
  #image: Columns | undefined;
  #row: Columns | undefined;
  #key: Columns | undefined;
  readonly #makeImage: () => Columns;
  readonly #makeKey: (image: () => Columns) => Columns;

  constructor(
    readonly partition: TopicPartition,
    readonly record: SourceRecord,
    readonly kind: Change['kind'],
    readonly position: SourcePosition | undefined,
    readonly transaction: string | undefined,
    readonly unchanged: readonly string[],
    makeImage: () => Columns,
    makeKey: (image: () => Columns) => Columns,
  ) {
    this.#makeImage = makeImage;
    this.#makeKey = makeKey;
    this.offset = record.offset;
  }

  get row(): Columns | undefined {
    return this.kind === 'delete' ? undefined : (this.#row ??= without(this.#exact(), this.unchanged));
  }

  get key(): Columns {
    return (this.#key ??= this.#makeKey(() => this.#exact()));
  }

  #exact(): Columns {
    return (this.#image ??= this.#makeImage());
  }
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

function textOf(bytes: Uint8Array, name: string, refuse: Refuse): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw refuse(`has a ${name} that is no UTF-8`, cause);
  }
}

/** The object in the text, out of the `payload` where schemas come along. */
function parsed(text: string, name: string, refuse: Refuse, parse: (text: string) => unknown): Columns {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    // Without the cause where it quotes the text.
    const isOurs = cause instanceof ExactlyOnceError;
    throw refuse(
      `has a ${name} that is no JSON, or has a number that cannot be kept exactly`,
      isOurs ? cause : undefined,
    );
  }
  if (isObject(value) && 'schema' in value && 'payload' in value && Object.keys(value).length === 2)
    value = value.payload;
  if (!isObject(value)) throw refuse(`has a ${name} that is no object`);
  return value;
}

/**
 * The row with exact numbers. What comes behind it, in `source`, has times of 19 digits in every record: they alone
 * are no reason to read slowly.
 */
function exactImage(text: string, side: string, refuse: Refuse): Columns {
  const rough = parsed(text, 'value', refuse, JSON.parse);
  const order = Object.keys(rough);
  const at = order.indexOf('source');
  const isBehind = at > order.indexOf('before') && at > order.indexOf('after');
  const end = isBehind ? text.lastIndexOf(',"source":{') : -1;
  const isExact = !mayBeInexact.test(end < 0 ? text : text.slice(0, end));
  return (isExact ? rough : parsed(text, 'value', refuse, parseJavaJson))[side] as Columns;
}

/** All that Debezium puts into one. A row that an SMT has taken out of its envelope may have some of them, too. */
const markers = [
  ['ts_ms'],
  ['status', 'id', 'event_count'],
  ['status', 'id', 'event_count', 'data_collections'],
  ['status', 'id', 'event_count', 'data_collections', 'ts_ms'],
].map((names) => names.sort().join());

function isMarker(envelope: Columns): boolean {
  if (!markers.includes(Object.keys(envelope).sort().join())) return false;
  const { status } = envelope;
  return status === undefined || status === 'BEGIN' || status === 'END';
}

function missingIn(image: Columns): string[] {
  const names: string[] = [];
  for (const name in image) if (isUnavailable(image[name])) names.push(name);
  return names;
}

function without(image: Columns, names: readonly string[]): Columns {
  if (names.length === 0) return image;
  return Object.fromEntries(Object.entries(image).filter(([name]) => !names.includes(name)));
}

/** Debezium makes a deletion and an insert of it only where the columns are those of the record's own key. */
function isMoved(before: Columns, after: Columns, names: readonly string[]): boolean {
  return names.some((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

function keyOf(
  { key }: SourceRecord,
  image: () => Columns,
  names: readonly string[] | undefined,
  refuse: Refuse,
): Columns {
  if (names === undefined)
    return parsed(textOf(key ?? new Uint8Array(), 'key', refuse), 'key', refuse, parseJavaJson);
  const row = image();
  const missing = names.find((name) => row[name] === undefined || row[name] === null);
  if (missing !== undefined) throw refuse(`lacks column '${missing}' of its key`);
  return Object.fromEntries(names.map((name) => [name, row[name]]));
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
