import { ExactlyOnceError } from '../dedup/errors.js';

/** What a client's error says of the request it was about. */
interface About {
  readonly method: string;
  readonly url: string;
  /** Needed to ask again: the same key with the same request. */
  readonly key: string;
  readonly attempts: number;
}

/** RFC 9457 problem details of an answer, as far as it has any. */
export interface ProblemDetails {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
}

/**
 * The API has refused the request, and will refuse it again: 4xx other than 408, 409, 425 and 429. Nothing was done
 * under this key. A corrected request is a new request, with a new key.
 */
export class RequestRefused extends ExactlyOnceError {
  override name = 'RequestRefused';
  readonly key: string;
  readonly attempts: number;
  constructor(
    about: About,
    readonly status: number,
    readonly problem: ProblemDetails | undefined,
    readonly body: string,
  ) {
    const why = problem?.detail ?? problem?.title ?? body.slice(0, 200);
    super(`${about.method} ${about.url} was refused with status ${status}: ${why}`);
    this.key = about.key;
    this.attempts = about.attempts;
  }
}

/** 422: the key was used before for another request. That is a defect of who makes the keys; retrying cannot help. */
export class KeyConflict extends RequestRefused {
  override name = 'KeyConflict';
}

/**
 * No answer, or only answers that settle nothing, until the client gave up. The request may have been done. Ask again
 * with the same `key` and the same request within the API's window; a new key would do it a second time.
 */
export class OutcomeUnconfirmed extends ExactlyOnceError {
  override name = 'OutcomeUnconfirmed';
  readonly key: string;
  readonly attempts: number;
  constructor(about: About, lastFailure: string, options?: ErrorOptions) {
    super(
      `${about.method} ${about.url} is not confirmed after ${about.attempts} attempts, the last one failed with ${lastFailure}; ` +
        'it may have been done: ask again with the same key',
      options,
    );
    this.key = about.key;
    this.attempts = about.attempts;
  }
}

/** The API's answer is not what the schema of the client says. The request was done. */
export class UnexpectedAnswer extends ExactlyOnceError {
  override name = 'UnexpectedAnswer';
  readonly key: string;
  readonly attempts: number;
  constructor(
    about: About,
    readonly status: number,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${about.method} ${about.url} was answered with status ${status} and an unexpected body: ${problem}`,
      options,
    );
    this.key = about.key;
    this.attempts = about.attempts;
  }
}
