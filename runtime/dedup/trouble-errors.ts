import { errorKind } from './error-kind.js';
import { briefly, DependencyFailed, ExactlyOnceError, type Fault, RejectMessage } from './error.js';
import { keyHash } from './key-hash.js';

/**
 * One key arrived with two payloads. Neither is a copy of the other, so the later one is `rejected`, never a
 * `duplicate`.
 */
export class KeyReused extends RejectMessage {
  override name = 'KeyReused';
  override readonly isWithoutData = true;
  constructor(
    readonly receiptId: string,
    readonly storedFingerprint: string,
    readonly givenFingerprint: string,
  ) {
    super(
      `key was used before with another payload: stored fingerprint ${storedFingerprint}, given ${givenFingerprint}; ` +
        'send a new key for a new payload, or select the fields that identify it with `fingerprint`',
    );
  }
}

/** The message was given up when it was delivered before: its dead letter is sent, its acknowledgement got lost. */
export class GivenUp extends RejectMessage {
  override name = 'GivenUp';
  /** @param reason of the dead letter */
  constructor(readonly reason: string) {
    super(`the message has its dead letter: ${reason}`);
  }
}

/** The receipt row says that somebody else has begun and not finished; it never acknowledges a message. */
export class InProgressElsewhere extends ExactlyOnceError {
  override name = 'InProgressElsewhere';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'dependency';
  constructor(
    readonly receiptId: string,
    readonly status: string,
  ) {
    super(`another owner holds the receipt with status '${status}'; the message comes again`);
  }
}

/**
 * A row was written by a newer version of this library. It is neither run nor called a duplicate: the message comes
 * again.
 */
export class NewerRow extends ExactlyOnceError {
  override name = 'NewerRow';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'dependency';
  constructor(
    readonly receiptId: string,
    readonly found: string,
    readonly known: number,
  ) {
    super(`row has version ${found}, this runtime knows up to ${known}; deploy the newer version everywhere`);
  }
}

/** A condition that the handler put on one of its writes did not hold. Nothing of the transaction was written. */
export class ConditionFailed extends ExactlyOnceError {
  override name = 'ConditionFailed';
  constructor(
    readonly tableName: string,
    readonly key: string,
    /** The item as it stood, or undefined when there is none. */
    readonly item: Record<string, unknown> | undefined,
  ) {
    super(`the condition on '${tableName}' ${key} did not hold; nothing was written`);
  }
}

/** The commit could not be made, or its outcome is not known. The message comes again and the receipt decides. */
export class CommitFailed extends DependencyFailed {
  override name = 'CommitFailed';
  /** It is known that no call has written anything. Otherwise the outcome is not known. */
  readonly nothingWritten: boolean;
  constructor(message: string, options?: ErrorOptions & { readonly nothingWritten?: boolean }) {
    super(message, options);
    this.nothingWritten = options?.nothingWritten ?? false;
  }
}

/**
 * The outbox does not take events of this epoch any more: another one has begun (R37). Nothing of the commit was
 * written. The message comes again, uncounted, until its consumer is deployed with the epoch that is open.
 */
export class EpochEnded extends CommitFailed {
  override name = 'EpochEnded';
  constructor(
    readonly source: string,
    readonly epoch: string,
    /** The one that is open. */
    readonly current: string,
  ) {
    super(
      `epoch '${epoch}' of source '${source}' has ended, and '${current}' has begun; deploy the publisher with that one`,
    );
  }
}

/**
 * DynamoDB refused a write of the message for what it is (a validation error that no check of ours has found before).
 */
export class WriteRefused extends ExactlyOnceError {
  override name = 'WriteRefused';
}

/**
 * The message is not to be handled yet, which is no failure of it (R19): it comes again at `retryAt`, and holds its
 * FIFO group.
 */
export class Waiting extends ExactlyOnceError {
  override name = 'Waiting';
  override readonly fault: Fault = 'dependency';
  constructor(
    message: string,
    /** Epoch milliseconds. */
    readonly retryAt: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An effect for a log line: the key in its id may be personal data (R59). */
function effectOf(leaseId: string): string {
  const [, name] = /!once#([^#]*)#/.exec(leaseId) ?? [];
  return `the effect ${name === undefined ? '' : `'${name}' `}with the lease hash ${keyHash(leaseId)}`;
}

/** Somebody else holds the lease on the effect, or its outcome cannot be looked up yet. */
export class LeaseHeld extends Waiting {
  override name = 'LeaseHeld';
  override readonly isWithoutData = true;
  constructor(
    readonly leaseId: string,
    retryAt: number,
    reason = 'another owner holds the lease',
  ) {
    super(`${effectOf(leaseId)} has to wait until ${new Date(retryAt).toISOString()}: ${reason}`, retryAt);
  }
}

/**
 * Thrown by an effect to say that nothing has been sent, so that it may be started again at once. Any other throw
 * leaves the outcome unknown (R26): a request that timed out may have acted.
 */
export class EffectNotStarted extends ExactlyOnceError {
  override name = 'EffectNotStarted';
  override get [errorKind](): string {
    return 'not-started';
  }
}

/**
 * The effect threw, and may have acted all the same. The message comes again and the effect's `onUnknown` decides.
 */
export class OutcomeUnknown extends ExactlyOnceError {
  override name = 'OutcomeUnknown';
  override readonly isWithoutData = true;
  constructor(
    readonly leaseId: string,
    options?: ErrorOptions,
  ) {
    const { cause } = options ?? {};
    super(
      `${effectOf(leaseId)} threw ${cause instanceof Error ? cause.name : typeof cause}, and may have acted; ` +
        'throw EffectNotStarted, or give `isDefinite`, where nothing can have happened',
      options,
    );
  }
}

/** The outcome of the effect is unknown and it may not be started again: a person has to look, and to unlock it. */
export class EffectBlocked extends RejectMessage {
  override name = 'EffectBlocked';
  override readonly isWithoutData: boolean = true;
  constructor(
    readonly leaseId: string,
    /** May quote what an error said; for the person who looks. */
    readonly reason: string,
    /** The same for a log line. */
    because: string,
    /** The command with which that is said, without its arguments. */
    readonly unlocking: string,
    options?: ErrorOptions,
  ) {
    super(
      `${effectOf(leaseId)} is blocked: ${because}; find out whether it happened, unlock it with ` +
        `\`${unlocking}\`, and send the message again`,
      options,
    );
  }
}

/**
 * The effect has happened, and its result could not be kept, so that nobody can be given it: neither the handler that
 * made it nor one that runs again. It is listed like a blocked one; whoever knows the result says so with `unlock`.
 */
export class ResultLost extends EffectBlocked {
  override name = 'ResultLost';
  /** It names the place in the result. */
  override readonly isWithoutData = false;
  constructor(leaseId: string, reason: string, unlocking: string, options?: ErrorOptions) {
    const text = `it has happened, and its result is lost: ${reason}`;
    super(leaseId, text, text, unlocking, options);
  }
}

/**
 * Somebody else took the lease over before the effect ended: what this owner had to say was refused. The effect may
 * have happened twice only if the other side ignores keys and the clocks were further apart than
 * `maxClockSkewSeconds`, or the effect went on after its signal.
 */
export class LeaseLost extends ExactlyOnceError {
  override name = 'LeaseLost';
  override readonly isWithoutData = true;
  constructor(
    readonly leaseId: string,
    readonly refused: 'completion' | 'release' | 'unknown outcome' | 'renewal',
    options?: ErrorOptions,
  ) {
    super(
      `${effectOf(leaseId)}: ${refused} refused, another owner has taken the lease over; ` +
        'raise `leaseSeconds`, stop the effect when its signal fires, and check the clocks (`maxClockSkewSeconds`)',
      options,
    );
  }
}

/**
 * The process died each time it handled the message: it ran out of memory or time, or was killed by what it did
 * (R20).
 */
export class ProcessDied extends RejectMessage {
  override name = 'ProcessDied';
  override readonly isWithoutData = true;
  constructor(
    readonly messageId: string,
    readonly times: number,
  ) {
    super(
      `the process died ${times} times while it handled this message alone; look for it in the logs of the function ` +
        '(memory, timeout, exit), then redrive it',
    );
  }
}

/**
 * The turn of a parked event has come, and it was not tried, because the message that brings it runs alone (R46). It
 * runs alone itself.
 */
export class ParkedUntried extends DependencyFailed {
  override name = 'ParkedUntried';
  constructor(
    readonly stream: string,
    readonly version: bigint,
  ) {
    super(`the turn of the parked version ${version} has come; it is tried alone`);
  }
}

/**
 * A parked event of this message's stream is next and has not acted: it failed, or there was no time for it. No
 * message of its own is left in the queue, so this one comes again. Nothing is wrong with this one.
 */
export class ParkedWaiting extends DependencyFailed {
  override name = 'ParkedWaiting';
  constructor(
    readonly stream: string,
    /** Of the parked event. */
    readonly version: bigint,
    /** What became of the message itself; all of it is durable. */
    readonly became: 'processed' | 'ignored' | 'parked' | 'duplicate',
  ) {
    super(
      `version ${version} of stream '${stream}' is parked, its turn has come, and it has not acted; the message comes again for it`,
    );
  }
}

/** An event is too far ahead of its stream to be parked; it waits in the queue. */
export class TooEarly extends DependencyFailed {
  override name = 'TooEarly';
  constructor(
    readonly stream: string,
    readonly version: bigint,
    readonly position: bigint,
    reason: string,
  ) {
    super(`version ${version} of stream '${stream}' is ahead of position ${position}: ${reason}`);
  }
}

/**
 * A reducer returned what is no state: nothing, a promise, a list, an instance of a class. The state that was there
 * stays.
 */
export class InvalidState extends ExactlyOnceError {
  override name = 'InvalidState';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(readonly got: string) {
    super(
      `the reducer returned ${got}, and must return the next state as a plain object, at once (no async function); ` +
        'to empty an aggregate return {}, to refuse a message throw RejectMessage',
    );
  }
}

/** The state that a message makes does not fit into one item or one write of DynamoDB. Nothing of it is written. */
export class StateTooLarge extends RejectMessage {
  override name = 'StateTooLarge';
  override readonly isWithoutData = true;
  constructor(
    readonly limitName: 'bytes of the item' | 'bytes of the update expression',
    readonly given: number,
    readonly limit: number,
  ) {
    super(
      `with this message the aggregate has ${given} ${limitName}, DynamoDB allows ${limit}; keep less in one aggregate, ` +
        'or put what grows with time or has many attributes into one attribute or other items',
    );
  }
}

/** Somebody asked to go on with a group that is not stopped. */
export class GroupNotStopped extends ExactlyOnceError {
  override name = 'GroupNotStopped';
  constructor(
    readonly consumerName: string,
    readonly stream: string,
    readonly state: string,
  ) {
    super(
      `consumer '${consumerName}' has no stopped group '${stream}' (its state is '${state}'); list the stopped ones first`,
    );
  }
}

/**
 * JSON holds a number that would have to be rounded. Integers are kept as `bigint`; this is a fraction, or has an
 * exponent.
 */
export class InexactNumber extends RejectMessage {
  override name = 'InexactNumber';
  constructor(
    /** Where it stands, such as `$.lines[2].price`. */
    readonly path: string,
  ) {
    super(
      `the number at '${briefly(path)}' has more digits than a double holds, and is not rounded; ` +
        'send it as text, as an integer of a smaller unit, or with as many digits as a double has',
    );
  }
}

/** JSON is nested so deep that walking it could overflow the stack. */
export class TooDeep extends RejectMessage {
  override name = 'TooDeep';
  override readonly isWithoutData = true;
  constructor(
    /** Levels that are allowed. */
    readonly limit: number,
  ) {
    super(`the JSON is nested more than ${limit} levels deep; send it flatter, or as text`);
  }
}
