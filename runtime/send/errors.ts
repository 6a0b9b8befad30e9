import { ExactlyOnceError } from '../dedup/errors.js';

/** Why something was not accepted: too much at once, a fault of the target, or it never will be. */
export type RefusalKind = 'throttled' | 'transient' | 'final';

/** A target did not take an event. */
export class NotAccepted extends ExactlyOnceError {
  override name = 'NotAccepted';
  constructor(
    readonly target: string,
    readonly code: string,
    problem: string,
    /** Whether the same may be accepted another time. */
    readonly kind: RefusalKind = 'transient',
  ) {
    super(`'${target}' did not accept the event: ${code}: ${problem}`);
  }
}

/** A target has not answered in time. Whether it has accepted the events is not known. */
export class TargetTimedOut extends ExactlyOnceError {
  override name = 'TargetTimedOut';
  constructor(
    readonly target: string,
    readonly afterMs: number,
  ) {
    super(
      `'${target}' has not answered within ${Math.round(afterMs)} ms; whether it took the events is not known`,
    );
  }
}

/** A target was left out, because it did not take events shortly before. */
export class TargetLeftOut extends ExactlyOnceError {
  override name = 'TargetLeftOut';
  constructor(
    readonly target: string,
    options?: ErrorOptions,
  ) {
    super(`'${target}' is left out for a while, after ${errorName(options?.cause)}`, options);
  }
}

/** An event is larger than the target takes in a call, and always will be. */
export class TooLargeForTarget extends ExactlyOnceError {
  override name = 'TooLargeForTarget';
  constructor(
    readonly target: string,
    readonly bytes: number,
    readonly limit: number,
  ) {
    super(
      `the event has ${bytes} bytes, and '${target}' takes ${limit}; send its type elsewhere (\`types\` of the target), ` +
        'or pass over it with `npx exactly-once-aws outbox skip`',
    );
  }
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'an error';
}
