import { DependencyFailed, ExactlyOnceError, type Fault } from '../../dedup/errors.js';
import { clientError } from './error-codes.js';

/**
 * `code: message` of an error of the client. Its texts name brokers, topics and states, never a record's contents.
 */
export function clientErrorText(error: unknown): string {
  const known = clientError(error);
  return known === undefined ? String(error) : `${known.code}: ${known.message}`;
}

/** Kafka did not do what it was asked for. What was in work is not committed, and is read again. */
export class KafkaFailed extends DependencyFailed {
  override name = 'KafkaFailed';
  override readonly isWithoutData = true;
  constructor(
    /** Such as `commitTransaction`. */
    readonly operation: string,
    options: { readonly cause: unknown },
  ) {
    super(`Kafka failed to ${operation}: ${clientErrorText(options.cause)}`, options);
  }
}

/**
 * Another process has begun under this one's transactional id, or the broker has given its transaction up, or nobody
 * knows whether its last commit came through. End the process: the next one under this id ends what is open, and
 * finds in the group's offsets what was committed.
 */
export class ProcessorFenced extends ExactlyOnceError {
  override name = 'ProcessorFenced';
  override readonly fault: Fault = 'dependency';
  override readonly isWithoutData = true;
  constructor(
    readonly transactionalId: string,
    options: { readonly cause: unknown },
  ) {
    super(
      `transactional id '${transactionalId}' cannot be used any more by this process, which must end ` +
        `(${clientErrorText(options.cause)}); a new one may start, and two processes need two slots`,
      options,
    );
  }
}

/**
 * Kafka has no offset from which a partition could be read, and none is stated: the group is new or its offsets have
 * expired, or the records behind the committed offset have been deleted by retention. To go on without a person's
 * word would lose or double records.
 */
export class OffsetMissing extends ExactlyOnceError {
  override name = 'OffsetMissing';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(
    readonly consumerName: string,
    readonly topic: string,
    /** Undefined when the client did not tell. */
    readonly partition: number | undefined,
    problem: string,
  ) {
    super(
      `group '${consumerName}' has no offset for ${topic}${partition === undefined ? '' : `/${partition}`}: ${problem}`,
    );
  }
}

/**
 * A topic was deleted and created again under its name, so that its offsets mean other records (R2). Started again,
 * the processor begins it where `start` says.
 */
export class TopicRecreated extends ExactlyOnceError {
  override name = 'TopicRecreated';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(
    readonly topic: string,
    readonly before: string,
    readonly now: string | undefined,
  ) {
    super(
      `topic '${topic}' was ${now === undefined ? 'deleted' : `created anew: its id was ${before} and is ${now}`}; ` +
        "nothing was committed for it; start the processor again with start 'earliest' to read the new topic from its beginning",
    );
  }
}

/** A record can never be processed, and no dead-letter topic is set. Nothing is skipped in silence. */
export class PoisonRecord extends ExactlyOnceError {
  override name = 'PoisonRecord';
  override readonly isWithoutData = true;
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: string,
    readonly failures: number,
    options: { readonly cause: unknown },
  ) {
    super(
      `${topic}/${partition} offset ${offset} failed ${failures} times and can never be processed; ` +
        'set deadLetterTopic, or mend the handler and start again',
      options,
    );
  }
}

/**
 * A handler sends to a topic that is not there, or that may not be described. Its record waits for it, and those
 * behind it in its partition with it; nobody else does. It ends a processor whose dead-letter topic is not there.
 */
export class DestinationMissing extends DependencyFailed {
  override name = 'DestinationMissing';
  override readonly isWithoutData = true;
  constructor(readonly topic: string) {
    super(
      `there is no topic '${topic}' that this client may describe; create it, or let the client write to it`,
    );
  }
}

/** A record that a handler sends is one that its topic takes from nobody: too large for it, or without a key. */
export class RecordRefused extends ExactlyOnceError {
  override name = 'RecordRefused';
  override readonly final = true;
  override readonly isWithoutData = true;
  constructor(options: { readonly cause: unknown }) {
    super(
      `a topic refused a record that the handler sends: ${clientErrorText(options.cause)}; ` +
        'send what the topic takes (max.message.bytes, a key where it is compacted)',
      options,
    );
  }
}

/** Transactions were aborted again and again: what they write cannot be written. */
export class TransactionsFailing extends ExactlyOnceError {
  override name = 'TransactionsFailing';
  override readonly fault: Fault = 'dependency';
  override readonly isWithoutData = true;
  constructor(
    readonly aborts: number,
    options: { readonly cause: unknown },
  ) {
    super(
      `${aborts} transactions in a row were aborted, the last by ${clientErrorText(options.cause)}; ` +
        'look whether every topic that the handler sends to exists, may be written and takes records of this size',
      options,
    );
  }
}

/** Every slot is held by another process. */
export class SlotsTaken extends ExactlyOnceError {
  override name = 'SlotsTaken';
  override readonly fault: Fault = 'dependency';
  override readonly isWithoutData = true;
  constructor(
    readonly consumerName: string,
    readonly slots: number,
    readonly waitedMs: number,
  ) {
    super(
      `all ${slots} slots of '${consumerName}' were held for ${waitedMs} ms; ` +
        'give it more slots than it has processes at most, those of a deployment included',
    );
  }
}

/** The lease of this process's slot ended or is another's. It must end; Kafka refuses what it still sends. */
export class SlotLost extends ExactlyOnceError {
  override name = 'SlotLost';
  override readonly fault: Fault = 'dependency';
  override readonly isWithoutData = true;
  constructor(
    readonly consumerName: string,
    readonly slot: number,
    options?: ErrorOptions,
  ) {
    super(`the lease of slot ${slot} of '${consumerName}' was lost: this process must end`, options);
  }
}
