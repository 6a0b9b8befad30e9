/**
 * Base of everything that `drive/` throws when a run cannot go on. The first line of the message is one sentence that
 * says what happened and what to do; the command line prints it and ends with status 2.
 */
export class DriveError extends Error {
  override readonly name: string = 'DriveError';
}

/** A flag is unknown or its value is not allowed. */
export class UsageError extends DriveError {
  override readonly name = 'UsageError';
}

/** A line of the input is not a purchase. */
export class InputError extends DriveError {
  override readonly name = 'InputError';
  constructor(
    /** Counted from 1, the header included. */
    readonly line: number,
    readonly text: string,
    problem: string,
  ) {
    super(
      `line ${line} of the purchases is no purchase (${problem}): '${text}'; restore the file with git checkout data`,
    );
  }
}

/** The file of `--input` cannot be used. */
export class InputFileError extends DriveError {
  override readonly name = 'InputFileError';
  constructor(
    readonly file: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} ${problem}`, options);
  }
}

/** Lines of the file of `--input` are no payments. Nothing was sent. */
export class BadLinesError extends DriveError {
  override readonly name = 'BadLinesError';
  constructor(
    readonly file: string,
    readonly bad: number,
    readonly payments: number,
  ) {
    super(
      `${bad === 1 ? `1 line of ${file} is no payment` : `${bad} lines of ${file} are no payments`} and nothing was sent: correct ${bad === 1 ? 'it' : 'them'}` +
        (payments > 0 ? `, or send the other ${payments} with --on-bad-line skip` : ''),
    );
  }
}

/** The API answered with a status that no repetition changes. */
export class PaymentRefusedError extends DriveError {
  override readonly name = 'PaymentRefusedError';
  constructor(
    readonly paymentId: string,
    readonly status: number,
    readonly body: string,
  ) {
    super(
      `POST /payments refused ${paymentId} with status ${status}, which is no fault of the network: fix the API or what is sent\n${body.slice(0, 2000)}`,
    );
  }
}

/** Every attempt for one payment failed. Whether one of them had its effect is unknown. */
export class AttemptsExhaustedError extends DriveError {
  override readonly name = 'AttemptsExhaustedError';
  constructor(
    readonly paymentId: string,
    readonly attempts: number,
    lastFailure: string,
    options?: ErrorOptions,
  ) {
    super(
      `POST /payments failed ${attempts} times for ${paymentId}, the last time with ${lastFailure}: check that the target is up and run again`,
      options,
    );
  }
}

/** SQS did not take activity events. */
export class ActivityRefusedError extends DriveError {
  override readonly name = 'ActivityRefusedError';
  constructor(
    readonly entries: number,
    readonly attempts: number,
    lastFailure: string,
  ) {
    super(
      `the activity queue did not take ${entries} events after ${attempts} attempts, the last time with ${lastFailure}: check the queue's settings and what is sent`,
    );
  }
}

/** The queue still held messages when nothing had moved for a long time. */
export class NotDrainedError extends DriveError {
  override readonly name = 'NotDrainedError';
}

/** Ctrl-C, or a signal that asks the process to end. */
export class InterruptedError extends DriveError {
  override readonly name = 'InterruptedError';
  constructor(readonly signalName: NodeJS.Signals) {
    super(`stopped by ${signalName} before the run was over: start it again when you like`);
  }
}

/** A row is not of the shape that the auditor can count. */
export class AuditReadError extends DriveError {
  override readonly name = 'AuditReadError';
  constructor(
    readonly table: string,
    readonly attribute: string,
    readonly row: string,
  ) {
    super(
      `the audit cannot read '${attribute}' in ${table}, which must be an integer or a string key: see what wrote it\n${row}`,
    );
  }
}
