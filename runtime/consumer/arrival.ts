import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { InvalidKey, RejectMessage, UnserialisableValue } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId, type ReceiptId } from '../dedup/identity.js';
import { keySource, laneOf, messageOf, readBody, type KeySource, type Message } from './message.js';
import type { RecordOutcome } from './summary.js';

/** How a message is recognised: the part of the consumer's options that reading a record needs. */
export interface Recognition<Schema extends StandardSchemaV1> {
  readonly schema: Schema;
  readonly key: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => string;
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
}

/** A message that could be read, with its identity. */
export interface Recognised<Body> {
  readonly message: Message<Body>;
  readonly id: ReceiptId;
  readonly fingerprint: string;
}

/** One record of the batch on its way to an outcome. */
export class Arrival<Body> {
  outcome: RecordOutcome | undefined;
  error: unknown;

  constructor(
    readonly record: SQSRecord,
    /** Undefined when it could not be read; `error` says why. */
    readonly recognised: Recognised<Body> | undefined,
  ) {}

  get lane(): string {
    return laneOf(this.record);
  }

  settle(outcome: RecordOutcome, error?: unknown): void {
    this.outcome = outcome;
    this.error = error;
  }
}

/** Whether an error says that the message can never succeed, however often it comes. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof RejectMessage || error instanceof InvalidKey || error instanceof UnserialisableValue
  );
}

/** Reads one record. Never throws: an unreadable one carries its error, to be rejected or tried again in its turn. */
export async function arrive<Schema extends StandardSchemaV1>(
  record: SQSRecord,
  consumerName: string,
  recognition: Recognition<Schema>,
): Promise<Arrival<StandardSchemaV1.InferOutput<Schema>>> {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  try {
    const { json, body } = await readBody(record.body, recognition.schema);
    const source = keySource<Body>(record, body);
    const key = recognition.key(source);
    const id = receiptId(consumerName, key);
    // Of what was sent, not of what the schema made of it: a new default in the schema must not turn a copy into a stranger.
    const fingerprint = fingerprintOf(
      recognition.fingerprint === undefined ? json : recognition.fingerprint(body),
    );
    return new Arrival<Body>(record, { message: messageOf(record, source, key), id, fingerprint });
  } catch (error) {
    const unreadable = new Arrival<Body>(record, undefined);
    unreadable.error = error;
    return unreadable;
  }
}
