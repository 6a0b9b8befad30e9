import { DependencyFailed, ExactlyOnceError, RejectMessage, type Fault } from '../dedup/error.js';

/**
 * Postgres cannot hold a value of a statement, whatever is stored: a NUL in a text, a text that is no number. The
 * message is rejected (R44). `cause` is the error of Postgres, which may quote the value.
 */
export class ValueRefused extends RejectMessage {
  override name = 'ValueRefused';
  override readonly isWithoutData = true;
  constructor(
    /** Five characters. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
    readonly sqlState: string,
    options?: ErrorOptions,
  ) {
    super(
      `Postgres cannot hold a value of a statement (SQLSTATE ${sqlState}); let the schema of the consumer refuse it, or convert it`,
      options,
    );
  }
}

/** A handler sent what begins or ends a transaction. */
export class TransactionControlRefused extends ExactlyOnceError {
  override name = 'TransactionControlRefused';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(readonly command: string) {
    super(
      `a handler sent ${command}, but its transaction ends when it returns; throw to roll back, and use tx.savepoint for a part of it`,
    );
  }
}

/**
 * A statement failed, the handler went on, and Postgres takes no more of such a transaction. `cause` is the failure.
 */
export class StatementFailed extends ExactlyOnceError {
  override name = 'StatementFailed';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'defect';
  constructor(options: ErrorOptions) {
    super(
      'a statement of the handler had failed, which ends the transaction, and the handler returned; ' +
        'let the error through, or put what may fail into tx.savepoint',
      options,
    );
  }
}

/** A handler had not returned when the time of its batch was over. No statement of it was under way. */
export class HandlerTooSlow extends ExactlyOnceError {
  override name = 'HandlerTooSlow';
  override readonly isWithoutData = true;
  constructor() {
    super(
      'the handler had not returned when the time of the function was over; raise the timeout, or do less in one message',
    );
  }
}

/**
 * The tables are not there, or are older than this version needs. Nothing was handled: the batch comes again,
 * uncounted.
 */
export class SchemaNotReady extends DependencyFailed {
  override name = 'SchemaNotReady';
  override readonly isWithoutData = true;
  constructor(
    /** 0: none. Undefined: in a transaction of somebody else's, which cannot be asked any more. */
    readonly found: number | undefined,
    /** Undefined as well then. */
    readonly needed: number | undefined,
    options?: ErrorOptions,
  ) {
    super(
      (found === undefined
        ? 'the tables of this library are not in the database, or are older than this runtime needs; '
        : `the schema exactly_once of the database has version ${found}, this runtime needs ${needed}; `) +
        'run: npx exactly-once-aws postgres migrate',
      options,
    );
  }
}

/** A newer version of this library has migrated the tables (R17). Nothing was handled: the batch comes again. */
export class NewerSchema extends DependencyFailed {
  override name = 'NewerSchema';
  override readonly isWithoutData = true;
  constructor(
    readonly found: number,
    readonly known: number,
  ) {
    super(
      `the schema exactly_once of the database has version ${found}, this runtime knows up to ${known}; deploy the newer version everywhere`,
    );
  }
}
