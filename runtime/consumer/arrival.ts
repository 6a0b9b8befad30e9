import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { keySource, laneOf, messageOf, readBody, type KeySource, type Message } from './message.js';
import type { RecordOutcome } from './summary.js';

/** How a record becomes a message with an identity. */
export interface Recognition<Schema extends StandardSchemaV1> {
  readonly schema: Schema;
  /** `id` tells messages apart in the store, `key` is what people call the message by. */
  readonly identify: (source: KeySource<StandardSchemaV1.InferOutput<Schema>>) => {
    readonly id: string;
    readonly key: string;
  };
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
}

/** A message that could be read, with its identity. */
export interface Recognised<Body> {
  readonly message: Message<Body>;
  readonly id: string;
  readonly fingerprint: string;
  /** The body as it was sent. */
  readonly json: unknown;
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

/** Reads one record. Never throws: an unreadable one carries its error, to be rejected or tried again in its turn. */
export async function arrive<Schema extends StandardSchemaV1>(
  record: SQSRecord,
  recognition: Recognition<Schema>,
): Promise<Arrival<StandardSchemaV1.InferOutput<Schema>>> {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  try {
    const { json, body } = await readBody(record.body, recognition.schema);
    const source = keySource<Body>(record, body);
    const { id, key } = recognition.identify(source);
    // Of what was sent, not of what the schema made of it: a new default in the schema must not turn a copy into a stranger.
    const fingerprint = fingerprintOf(
      recognition.fingerprint === undefined ? json : recognition.fingerprint(body),
    );
    return new Arrival<Body>(record, { message: messageOf(record, source, key), id, fingerprint, json });
  } catch (error) {
    const unreadable = new Arrival<Body>(record, undefined);
    unreadable.error = error;
    return unreadable;
  }
}
