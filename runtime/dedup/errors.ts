/**
 * Base of every error this library throws. `name` is set as text, so that it survives bundling and minification, and `cause`
 * keeps what lay beneath.
 */
export class ExactlyOnceError extends Error {
  override name = 'ExactlyOnceError';
}

/**
 * The message can never succeed, however often it comes: it goes to the dead-letter queue with the reason, at once. Handlers throw
 * it themselves, and every error of ours about the input of one message is one. Any other error means "try again".
 */
export class RejectMessage extends ExactlyOnceError {
  override name = 'RejectMessage';
}

/** A setting of the consumer or the store is missing or out of range. Thrown at start, never per message. */
export class InvalidSettings extends ExactlyOnceError {
  override name = 'InvalidSettings';
  constructor(readonly problems: readonly string[]) {
    super(`invalid settings: ${problems.join('; ')}`);
  }
}

/** A key that cannot identify a message: empty, longer than DynamoDB can hold, or text that UTF-8 cannot tell apart. */
export class InvalidKey extends RejectMessage {
  override name = 'InvalidKey';
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

/** One key arrived with two payloads. Neither is a copy of the other, so the later one is `rejected`, never a `duplicate`. */
export class KeyReused extends RejectMessage {
  override name = 'KeyReused';
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

/** The receipt row says that somebody else has begun and not finished; it never acknowledges a message. */
export class InProgressElsewhere extends ExactlyOnceError {
  override name = 'InProgressElsewhere';
  constructor(
    readonly receiptId: string,
    readonly status: string,
  ) {
    super(`another owner holds the receipt with status '${status}'; the message comes again`);
  }
}

/** A row was written by a newer version of this library. It is neither run nor called a duplicate: the message comes again. */
export class NewerRow extends ExactlyOnceError {
  override name = 'NewerRow';
  constructor(
    readonly receiptId: string,
    readonly found: string,
    readonly known: number,
  ) {
    super(`row has version ${found}, this runtime knows up to ${known}; deploy the newer version everywhere`);
  }
}

/** A transaction that DynamoDB can never take in one commit. */
export class TransactionTooLarge extends RejectMessage {
  override name = 'TransactionTooLarge';
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

/** One handler wrote one item twice in a way that one transaction cannot hold; only increments of the same item are summed. */
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
export class CommitFailed extends ExactlyOnceError {
  override name = 'CommitFailed';
}
