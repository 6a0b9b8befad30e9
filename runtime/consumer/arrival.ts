import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { noAttempts, type Attempts } from '../dedup/attempt-counts.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { resumeAttribute } from '../dedup/message-attributes.js';
import {
  keySource,
  laneOf,
  messageOf,
  readBody,
  type KeySource,
  type Message,
  type Reading,
} from './message.js';
import type { RecordOutcome } from './summary.js';

/** How a record becomes a message with an identity. */
export interface Recognition<Schema extends StandardSchemaV1> extends Reading<Schema> {
  /** `id` tells messages apart in the store, `key` is what people call the message by. */
  readonly identify: (
    source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
    record: SQSRecord,
  ) => {
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
  /** The body as it was meant: without its envelope, before the schema. */
  readonly json: unknown;
  readonly record: SQSRecord;
}

/** One record of the batch on its way to an outcome. */
export class Arrival<Body> {
  outcome: RecordOutcome | undefined;
  error: unknown;
  /** Whether it comes again for a fault of its own, and not because it had to wait. */
  failed = false;
  history: Attempts = noAttempts;
  /** Earlier receives of which nobody wrote down what became: its process may have died of it (R20). */
  unexplained = 0;
  /** A crash suspect whose turn it is, alone. */
  admitted = false;
  /** That it was started alone is written down. */
  begun = false;
  /** Why it is not run at all. */
  unrun: Error | undefined;

  constructor(
    readonly record: SQSRecord,
    /** Undefined when it could not be read, and `error` says why; or was not, because reading it may be what kills the process. */
    public recognised?: Recognised<Body>,
  ) {}

  get lane(): string {
    return this.resumes === undefined ? laneOf(this.record) : `nudge ${this.record.messageId}`;
  }
  get receiveCount(): number {
    return Number(this.record.attributes.ApproximateReceiveCount);
  }
  get isSuspect(): boolean {
    return this.unexplained >= 2 && !this.admitted;
  }
  /** The stream that a nudge asks to drain. It is no message of the producer. */
  get resumes(): string | undefined {
    return this.record.messageAttributes[resumeAttribute]?.stringValue;
  }

  settle(outcome: RecordOutcome, error?: unknown, failed = false): void {
    this.outcome = outcome;
    this.error = error;
    this.failed = failed;
  }
}

/** A record with what it says. Never throws. */
export async function arrive<Schema extends StandardSchemaV1>(
  record: SQSRecord,
  recognition: Recognition<Schema>,
): Promise<Arrival<StandardSchemaV1.InferOutput<Schema>>> {
  const arrival = new Arrival<StandardSchemaV1.InferOutput<Schema>>(record);
  await recognise(arrival, recognition);
  return arrival;
}

/** Reads a record. Never throws: an unreadable one carries its error, to be rejected or tried again in its turn. */
export async function recognise<Schema extends StandardSchemaV1>(
  arrival: Arrival<StandardSchemaV1.InferOutput<Schema>>,
  recognition: Recognition<Schema>,
): Promise<void> {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { record } = arrival;
  if (arrival.resumes !== undefined) return;
  try {
    const { json, body, attributes } = await readBody(record, recognition);
    const source = keySource<Body>(record, body, attributes);
    const { id, key } = recognition.identify(source, record);
    // Of what was sent, not of what the schema made of it: a new default in the schema must not turn a copy into a stranger.
    const fingerprint = fingerprintOf(
      recognition.fingerprint === undefined ? json : recognition.fingerprint(body),
    );
    arrival.recognised = { message: messageOf(record, source, key), id, fingerprint, json, record };
  } catch (error) {
    arrival.error = error;
  }
}
