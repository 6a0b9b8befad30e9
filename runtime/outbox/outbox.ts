import { createHash } from 'node:crypto';
import { rowAbsent } from '../dynamodb/conditions.js';
import { InvalidSettings, InvalidWrite } from '../dedup/errors.js';
import { canonicalJson } from '../dedup/fingerprint.js';
import type { Publication, Publisher } from '../dynamodb/publication.js';
import { sequence } from '../dedup/sequence.js';
import { addressOf, type Row, type Table } from '../dynamodb/table.js';
import type { Write } from '../dynamodb/write.js';
import type { CloudEvent } from './event.js';
import { number, raising } from './numbering.js';

export interface OutboxDefinition {
  /** Name of the outbox table: partition key `stream`, sort key `version`, both strings. */
  readonly table: string;
  /**
   * Who publishes, as consumers know it: a stable name, or a URI as CloudEvents likes it. One source numbers
   * aggregates of one kind, or gives them names of their own.
   */
  readonly source: string;
  /** Incarnation of the counts: another one after the aggregates were restored from a backup (R37). Without '/'. */
  readonly epoch: string;
}

/** An event to be published with a transaction. */
export interface OutboxEvent {
  /**
   * The item whose `version` attribute numbers the event. Not one that everybody shares: its transactions run one
   * after another.
   */
  readonly aggregate: {
    readonly table: Table;
    readonly key: Row;
    /**
     * What consumers call it. It may never change, and no two aggregates of one source may share it.
     *
     * @default - the partition key; with a sort key, the JSON list of both
     */
    readonly name?: string;
  };
  /** What happened, such as `PaymentSettled`. */
  readonly type: string;
  /** Anything that JSON holds, up to 350,000 bytes. Channels take less: EventBridge and SNS 256 KB. */
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

/** Version of the outbox's rows (R17). */
export const outboxRowVersion = 1;
/** The rows that are not sent yet are found by these, '00' to '15'. */
export const unsentShards = 16;
/** DynamoDB: 400 KB for an item. What is left is for the envelope. */
const maxDataBytes = 350_000;
/** Of the envelope and of the row, beside names and data. */
const envelopeBytes = 1_000;
const maxNameBytes = 1_024;
/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const groupPattern = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

/** What `tx.publish` publishes to. */
export type Outbox = Publisher<OutboxEvent> & OutboxDefinition;

/**
 * An outbox: events that transactions publish become rows of its table, in the same commit, numbered per aggregate; a
 * relay sends them later. See `Transaction.publish` for what is guaranteed and what it costs.
 *
 * @throws InvalidSettings when the table, the source or the epoch is empty, or the epoch holds a '/'.
 */
export function outbox(definition: OutboxDefinition): Outbox {
  const { table, source, epoch } = definition;
  const problems = [];
  if (!table) problems.push('table of the outbox is empty; is its environment variable set?');
  if (!isName(source)) problems.push(`source of the outbox must be 1 to ${maxNameBytes} bytes of text`);
  if (!isName(epoch) || epoch.includes('/'))
    problems.push(`epoch of the outbox must be 1 to ${maxNameBytes} bytes of text without '/'`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  const publisher: Outbox = {
    ...definition,
    publication: (event) => publicationOf(event, definition, publisher),
  };
  return publisher;
}

function publicationOf(event: OutboxEvent, definition: OutboxDefinition, publisher: object): Publication {
  const { aggregate, type } = event;
  const address = addressOf(aggregate.table, aggregate.key);
  const values = Object.values(address.key).map((value) => value.S ?? value.N ?? binaryText(value.B));
  const name = aggregate.name ?? (values.length === 1 ? (values[0] ?? '') : JSON.stringify(values));
  const refuse = (problem: string, options?: ErrorOptions) =>
    new InvalidWrite(definition.table, `event of aggregate ${address.id}: ${problem}`, options);
  if (!isName(name))
    throw refuse(`the aggregate's name must be 1 to ${maxNameBytes} bytes of well-formed text`);
  if (!isName(type)) throw refuse(`type must be 1 to ${maxNameBytes} bytes of well-formed text`);
  if (event.group === '') throw refuse('group is empty; leave it out to take the name of the aggregate');
  if (Number.isNaN(event.time?.getTime())) throw refuse('time is no valid date');
  // Text from now on: what the handler does to it later does not count.
  const data = canonicalJson(event.data);
  const dataBytes = Buffer.byteLength(data);
  if (dataBytes > maxDataBytes)
    throw refuse(
      `data has ${dataBytes} bytes of JSON, at most ${maxDataBytes} fit; store it, and publish where it is`,
    );
  const group = event.group ?? name;
  return {
    aggregate: address,
    publisher,
    bytes: dataBytes + 4 * Buffer.byteLength(name) + 2 * Buffer.byteLength(definition.source) + envelopeBytes,
    raising: (write) => raising(address, write),
    row: (version, at) =>
      rowOf(definition, {
        name,
        type,
        data,
        group: groupPattern.test(group) ? group : sha256(group).toString('hex'),
        time: event.time?.toISOString(),
        version,
        at,
      }),
    number,
  };
}

interface NumberedEvent {
  readonly name: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
  readonly group: string;
  readonly time: string | undefined;
  readonly version: bigint;
  readonly at: number;
}

/** The condition is a net below the aggregate's: a version that is there means that the count has begun anew. */
function rowOf({ table, source, epoch }: OutboxDefinition, event: NumberedEvent): Write {
  const { name, type, data, group, version, at } = event;
  const stream = JSON.stringify([source, epoch, name]);
  const key = { stream: { S: stream }, version: { S: sequence(String(version)) } };
  const now = new Date(at).toISOString();
  const envelope: Omit<CloudEvent<unknown>, 'data'> = {
    specversion: '1.0',
    id: `${epoch}/${name}/${version}`,
    source,
    type,
    subject: name,
    time: event.time ?? now,
    datacontenttype: 'application/json',
    epoch,
    aggregate: name,
    version: String(version),
    firstenqueue: now,
  };
  return {
    kind: 'put',
    address: { tableName: table, key, id: JSON.stringify([table, stream, String(version)]) },
    item: {
      ...key,
      event: { S: `${JSON.stringify(envelope).slice(0, -1)},"data":${data}}` },
      type: { S: type },
      group: { S: group },
      unsent: { S: String((sha256(stream)[0] ?? 0) % unsentShards).padStart(2, '0') },
      at: { N: String(at) },
      v: { N: String(outboxRowVersion) },
    },
    condition: rowAbsent('stream'),
  };
}

function isName(text: unknown): boolean {
  return (
    typeof text === 'string' && text !== '' && text.isWellFormed() && Buffer.byteLength(text) <= maxNameBytes
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function binaryText(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString('base64');
}
