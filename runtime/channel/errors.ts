import { DependencyFailed, ExactlyOnceError } from '../dedup/errors.js';
import type { OutgoingMessage } from './message.js';

/** One message that is not known to be accepted. */
export interface Unsent {
  readonly message: OutgoingMessage;
  /** The last that was heard of it. Undefined: it was not tried, behind one of its group that was not accepted. */
  readonly error: unknown;
  /** It will never be accepted as it is. */
  readonly final: boolean;
}

/**
 * Some messages of a call are not known to be accepted; all others are. Send those of `unsent` again, in their order,
 * with the keys that they have: one that was accepted without anybody hearing of it is recognised.
 */
export class MessagesNotSent extends DependencyFailed {
  override name = 'MessagesNotSent';
  override readonly isWithoutData = true;
  constructor(
    readonly queueUrl: string,
    /** In the order in which they were given. */
    readonly unsent: readonly Unsent[],
    /** Messages that are accepted. */
    readonly sent: number,
  ) {
    const final = unsent.filter((one) => one.final).length;
    const never = final > 0 ? `, ${final} of which never will be` : '';
    super(
      `${unsent.length} of ${unsent.length + sent} messages are not known to be accepted${never} ` +
        `(${errorNames(unsent)}): send those of \`unsent\` again, with the same keys`,
      { cause: unsent.find(({ error }) => error !== undefined)?.error },
    );
  }
}

function errorNames(unsent: readonly Unsent[]): string {
  const names = unsent.map(({ error }) =>
    error instanceof Error ? ('code' in error ? String(error.code) : error.name) : 'not tried',
  );
  return [...new Set(names)].slice(0, 3).join(', ');
}

/** Messages that SQS or their consumer would refuse. Nothing of the call was sent. */
export class InvalidMessages extends ExactlyOnceError {
  override name = 'InvalidMessages';
  override readonly final = true;
  override readonly isWithoutData = true;
  constructor(
    /** What is wrong, by the place of the message in the call. */
    readonly problems: readonly { readonly index: number; readonly problem: string }[],
  ) {
    const texts = problems.slice(0, 5).map(({ index, problem }) => `message ${index}: ${problem}`);
    const more = problems.length > texts.length ? `; and ${problems.length - texts.length} more` : '';
    super(`nothing was sent: ${texts.join('; ')}${more}`);
  }
}

/** FIFO has throttled for longer than it needs to warm up. */
export class FifoThrottled extends ExactlyOnceError {
  override name = 'FifoThrottled';
  override readonly isWithoutData = true;
  constructor(readonly forMs: number) {
    super(`FIFO has throttled for ${Math.round(forMs / 1000)} s: the rest goes to Standard`);
  }
}
