import { InvalidSettings, InvalidWrite } from '../dedup/errors.js';
import { canonicalJson } from '../dedup/fingerprint.js';
import type { Publisher } from '../dynamodb/publication.js';
import { addressOf, type ItemAddress, type Row, type Table } from '../dynamodb/table.js';
import { sendableJson } from '../send/target.js';
import { keptTrace, type TraceFields } from '../send/trace-fields.js';
import { eventBytes } from './event-bytes.js';
import { epochProblem, isName, isPart, isType, maxNameBytes, sourceProblem } from './event-names.js';
import { number, type NumberedEvent } from './numbering.js';
import { eventText, groupId, maxStreamBytes, streamText, type StreamName } from './row.js';

export interface OutboxDefinition {
  /** Name of the outbox table: partition key `stream`, sort key `version`, both strings. */
  readonly table: string;
  /** Who publishes, as consumers know it: a stable name, or a URI as CloudEvents likes it. */
  readonly source: string;
  /** Incarnation of the counts: another one after tables were restored from a backup (R37). Without '/'. */
  readonly epoch: string;
  /**
   * Goes on with the counts of the first release, which kept them in an attribute `version` of the aggregates' items:
   * an aggregate that has one keeps the name of its stream, and its next event is the one after it. Needs
   * `dynamodb:GetItem` on the tables of the aggregates, and costs 1.5 read units more for an aggregate that this
   * instance does not know. Only if the first release has published to this table under this source and epoch: any
   * other `version` is none of the outbox's.
   *
   * @default false
   */
  readonly adoptVersions?: boolean;
  /**
   * Bytes that an event may have as it is sent, envelope and data, so that one too large for a channel fails its
   * message, where it would else stop its stream at the relay. With what it travels in: SNS 256 KB, EventBridge and
   * SQS 1 MB, `eventBytes` has them. A row holds 350,000 bytes of data, whatever is said here.
   *
   * @default eventBytes.sns, which every channel takes
   */
  readonly maxEventBytes?: number;
  /**
   * What a tracer has to say of each event when it is published, such as `traceFields` of exactly-once-aws/telemetry.
   * It is stored with the event, some 80 bytes, and sent beside it: queues and topics get it as attributes, and
   * EventBridge gets X-Ray's header. It is no part of the event.
   *
   * @default - nothing
   */
  readonly trace?: () => TraceFields | undefined;
}

/** An event to be published with a transaction. */
export interface OutboxEvent {
  /** What the event is about: its events are numbered. Not one that everybody shares: its transactions take turns. */
  readonly aggregate: {
    readonly table: Table;
    readonly key: Row;
    /**
     * What consumers call it. It may never change, and no two aggregates of one kind may share it.
     *
     * @default - the partition key; with a sort key, the JSON list of both
     */
    readonly name?: string;
    /**
     * What kind of aggregate it is, such as `customer`: names of different kinds never meet (R57). It may never
     * change. Without '/'.
     *
     * @default - the name of the table, which another deployment may give anew: better say it
     */
    readonly kind?: string;
  };
  /** What happened, such as `PaymentSettled`. */
  readonly type: string;
  /** Anything that JSON holds, up to what `maxEventBytes` of the outbox says. */
  readonly data: unknown;
  /**
   * FIFO MessageGroupId. One that SQS does not take (over 128 characters, or others than ASCII letters, digits and
   * punctuation) is replaced by its SHA-256.
   *
   * @default - the aggregate's name
   */
  readonly group?: string;
  /** When it happened. @default - the time of the commit */
  readonly time?: Date;
}

/** DynamoDB: 400 KB for an item. What is left is for names, and the types that a stream has had. */
const maxDataBytes = 350_000;
/** Of the row, beside its stream, type and data. */
const rowBytes = 1_000;
/** Digits that an event's version may have until its size is wrong. */
const longVersion = 10n ** 20n;

/** What `tx.publish` publishes to. */
export type Outbox = Publisher<OutboxEvent> & OutboxDefinition;

/**
 * An outbox: events that transactions publish become rows of its table, in the same commit, numbered per aggregate; a
 * relay sends them later. See `Transaction.publish` for what is guaranteed and what it costs.
 *
 * @throws InvalidSettings when the table, the source or the epoch is empty, or the epoch holds a '/'.
 */
export function outbox(definition: OutboxDefinition): Outbox {
  const { table, source, epoch, maxEventBytes } = definition;
  const problems = [];
  if (!table) problems.push('table of the outbox is empty; is its environment variable set?');
  for (const problem of [sourceProblem(source), epochProblem(epoch)])
    if (problem !== undefined) problems.push(problem);
  if (maxEventBytes !== undefined && !(Number.isSafeInteger(maxEventBytes) && maxEventBytes > 0))
    problems.push(`maxEventBytes of the outbox must be a whole number above 0, got ${maxEventBytes}`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  return { ...definition, publication: (event) => publicationOf(event, definition) };
}

function publicationOf(event: OutboxEvent, outbox: OutboxDefinition): NumberedEvent {
  const { table, source, epoch, adoptVersions, maxEventBytes = eventBytes.sns } = outbox;
  const { aggregate, type, time } = event;
  const { kind = aggregate.table.name } = aggregate;
  const item = addressOf(aggregate.table, aggregate.key);
  const name = aggregate.name ?? nameOf(item);
  const refuse = (problem: string) =>
    new InvalidWrite(table, `event of an aggregate of '${aggregate.table.name}': ${problem}`);
  if (!isName(name))
    throw refuse(`the aggregate's name must be 1 to ${maxNameBytes} bytes of well-formed text`);
  if (!isPart(kind))
    throw refuse(`the aggregate's kind must be 1 to ${maxNameBytes} bytes of well-formed text without '/'`);
  if (!isType(type))
    throw refuse(`type must be 1 to ${maxNameBytes} bytes of well-formed text without control characters`);
  if (event.group === '') throw refuse('group is empty; leave it out to take the name of the aggregate');
  if (Number.isNaN(time?.getTime())) throw refuse('time is no valid date');
  const streamName: StreamName = { source, epoch, kind, aggregate: name };
  const streamBytes = Buffer.byteLength(streamText(streamName));
  if (streamBytes > maxStreamBytes)
    throw refuse(
      `source, epoch, kind and name make a stream's name of ${streamBytes} bytes, DynamoDB allows ${maxStreamBytes}; ` +
        'give it a `name` that is shorter, such as a hash',
    );
  // Text from now on: what the handler does to it later does not count.
  const data = canonicalJson(event.data);
  const dataBytes = Buffer.byteLength(data);
  if (dataBytes > maxDataBytes)
    throw refuse(
      `data has ${dataBytes} bytes of JSON, at most ${maxDataBytes} fit; store it, and publish where it is`,
    );
  const stored = {
    type,
    data,
    ...(event.group !== undefined && event.group !== name && { group: groupId(event.group) }),
    ...(time !== undefined && { time: time.toISOString() }),
    trace: keptTrace(outbox.trace?.()),
  };
  const rowSize = dataBytes + streamBytes + 2 * Buffer.byteLength(type) + rowBytes;
  // Each name is in the envelope at most four times, and what is escaped takes twice as much: most events need not be
  // written out to be found small enough.
  if (8 * rowSize > maxEventBytes) {
    const bytes = Buffer.byteLength(
      sendableJson(eventText(streamName, longVersion, { ...stored, at: Date.now() })),
    );
    if (bytes > maxEventBytes)
      throw refuse(
        `it has up to ${bytes} bytes with its envelope, \`maxEventBytes\` of the outbox is ${maxEventBytes}; ` +
          'store its data, and publish where it is, or raise it if no target of the relay takes less',
      );
  }
  return {
    table,
    stream: streamName,
    ...(adoptVersions && { adopts: item }),
    event: stored,
    bytes: rowSize,
    number,
  };
}

/** What an aggregate is called that was given no name. */
function nameOf({ key }: ItemAddress): string {
  const values = Object.values(key).map(({ S, N, B }) => S ?? N ?? Buffer.from(B ?? []).toString('base64'));
  return values.length === 1 ? (values[0] ?? '') : JSON.stringify(values);
}
