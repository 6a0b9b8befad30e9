import { errorKind } from './error-kind.js';

/**
 * Whose an error is, stated where it is thrown (R44).
 *
 * - `message`: of the message, or of the code for it: one more failure, and too many of them are a dead letter.
 * - `dependency`: of what the message needs. It is excused, is never counted, and never makes a dead letter.
 * - `defect`: the program is wrong. It counts like a failure of the message, and is logged as what it is.
 */
export type Fault = 'message' | 'dependency' | 'defect';

/**
 * Base of every error this library throws. `name` is set as text, so that it survives bundling and minification, and
 * `cause` keeps what lay beneath.
 */
export class ExactlyOnceError extends Error {
  override name = 'ExactlyOnceError';
  readonly fault: Fault = 'message';
  /** No further try can succeed. */
  readonly final: boolean = false;
  /** Its message quotes nothing of a message, a row or another error: a log line may have it (R59). */
  readonly isWithoutData: boolean = false;

  /** Set by the classes that handlers throw: `instanceof` knows those, and this one, of another copy as well. */
  get [errorKind](): string {
    return '';
  }

  static override [Symbol.hasInstance](error: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, error)) return true;
    if (!(error instanceof Error && errorKind in error && Object.hasOwn(this.prototype, errorKind)))
      return false;
    const wanted = this.prototype[errorKind];
    return wanted === '' || wanted === error[errorKind];
  }
}

/** Whose a thrown value is. What comes from elsewhere was thrown by a handler, and says something of its message. */
export function faultOf(error: unknown): Fault {
  return error instanceof ExactlyOnceError ? error.fault : 'message';
}

/** Whether the message that it was thrown for can never succeed. */
export function isFinal(error: unknown): boolean {
  return error instanceof ExactlyOnceError && error.final;
}

/**
 * What code of the user's has thrown, as something that can be judged: of `undefined` everybody else takes it that
 * nothing was thrown, and a proxy may throw whenever it is looked at.
 */
export function asThrown(error: unknown): unknown {
  if (error === undefined) return new Error('undefined was thrown');
  try {
    // All judging begins with this look.
    isFinal(error);
    return error;
  } catch {
    return new Error('something was thrown that cannot be looked at');
  }
}

/** `name: message` of whatever was thrown. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'something that has no text';
  }
}

/**
 * Something that the message needs did not answer, or not in time: a table, a queue, a bucket. The message comes
 * again, uncounted.
 */
export class DependencyFailed extends ExactlyOnceError {
  override name = 'DependencyFailed';
  override readonly fault: Fault = 'dependency';
}

/**
 * Internal: an effect would be made before earlier messages of its lane are committed. The message is prepared again
 * in its turn (R47).
 */
export class NotItsTurn extends DependencyFailed {
  override name = 'NotItsTurn';
}

/**
 * A transaction was used after its handler had returned: an `await` is missing. Nothing of it is dropped in silence
 * (R55).
 */
export class TransactionSealed extends ExactlyOnceError {
  override name = 'TransactionSealed';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(readonly method: string) {
    super(
      `tx.${method} was called after the handler had returned; await what the handler starts before it returns`,
    );
  }
}

/**
 * The message can never succeed, however often it comes: it goes to the dead-letter queue with the reason, at once.
 * Handlers throw it themselves, and every error of ours about the input of one message is one. Any other error means
 * "try again".
 */
export class RejectMessage extends ExactlyOnceError {
  override name = 'RejectMessage';
  override readonly final: boolean = true;
  override get [errorKind](): string {
    return 'reject';
  }
}

/** A setting of the consumer or the store is missing or out of range. Thrown at start, never per message. */
export class InvalidSettings extends ExactlyOnceError {
  override name = 'InvalidSettings';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(readonly problems: readonly string[]) {
    super(`invalid settings: ${problems.join('; ')}`);
  }
}

/**
 * A key that cannot identify a message: empty, longer than DynamoDB can hold, or text that UTF-8 cannot tell apart.
 */
export class InvalidKey extends RejectMessage {
  override name = 'InvalidKey';
  override readonly isWithoutData = true;
  constructor(
    readonly consumerName: string,
    problem: string,
  ) {
    super(`invalid key for consumer '${consumerName}': ${problem}`);
  }
}

/** A sequence number that is not 1 to 40 decimal digits. */
export class InvalidSequence extends RejectMessage {
  override name = 'InvalidSequence';
  constructor(readonly given: unknown) {
    super(
      `sequence number must be 1 to 40 decimal digits as text, got ${typeof given} '${String(given).slice(0, 80)}'`,
    );
  }
}

/** A value that has no canonical JSON form, so that no fingerprint can be made of it. */
export class UnserialisableValue extends RejectMessage {
  override name = 'UnserialisableValue';
  constructor(
    readonly path: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`value at '${path}' cannot be stored: ${problem}`, options);
  }
}

/** A transaction that DynamoDB can never take in one commit. */
export class TransactionTooLarge extends RejectMessage {
  override name = 'TransactionTooLarge';
  override readonly isWithoutData = true;
  constructor(
    readonly limitName: 'actions' | 'bytes',
    readonly given: number,
    readonly limit: number,
  ) {
    super(
      `one message's transaction has ${given} ${limitName}, DynamoDB allows ${limit} in one TransactWriteItems ` +
        '(the receipt is one of the actions); split the message',
    );
  }
}

/**
 * One handler wrote one item twice in a way that one transaction cannot hold; only increments of the same item are
 * summed.
 */
export class ItemWrittenTwice extends RejectMessage {
  override name = 'ItemWrittenTwice';
  constructor(
    readonly tableName: string,
    readonly key: string,
  ) {
    super(
      `one transaction may write an item once: '${tableName}' ${key} is written twice; ` +
        'put both changes into one `update`, or use `add` alone, which is summed',
    );
  }
}

/** A write whose key or values DynamoDB cannot hold. Thrown at the call in the handler, before anything is sent. */
export class InvalidWrite extends RejectMessage {
  override name = 'InvalidWrite';
  constructor(
    readonly tableName: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`write to table '${tableName}' is invalid: ${problem}`, options);
  }
}

/**
 * The message is none of this consumer's business: it is acknowledged, without a receipt and without a dead letter.
 * Made by {@link ignore}; a decoder returns or throws it.
 */
export class IgnoreMessage extends ExactlyOnceError {
  override name = 'IgnoreMessage';
  override get [errorKind](): string {
    return 'ignore';
  }
  constructor(readonly reason: string) {
    super(`the message is ignored: ${reason}`);
  }
}

/** Says that a message is none of this consumer's business. @param reason for the log: no payload values */
export function ignore(reason: string): IgnoreMessage {
  return new IgnoreMessage(reason);
}

/** At most so many characters of a text that a producer chose the length of. Never half a surrogate pair. */
export function briefly(text: string, most = 120): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}
