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
 * The API's answer is no success, and will be the same when it is asked again: a 4xx that is not about the moment, an
 * error that it has saved and replays, or a redirect. What was done is what the answer says; of a 4xx that is nothing
 * but what the API stores with its refusal. A corrected request is a new request, with a new key.
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
    const why = problem?.detail ?? problem?.title ?? 'see `body` for its answer';
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
 * Nothing was sent, so nothing was done under this key: the request cannot be made (its key, path, headers or body),
 * no connection came about in all the time there was, or the other side has the wrong certificate. A `fetch` of your
 * own throws it where it knows that, such as when there are no credentials to sign with.
 */
export class RequestNotSent extends ExactlyOnceError {
  override name = 'RequestNotSent';
  constructor(problem: string, options?: ErrorOptions) {
    super(`the request was not sent: ${problem}`, options);
  }
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
      `${about.method} ${about.url} is not confirmed, attempt ${about.attempts} failed with ${lastFailure}; ` +
        'it may have been done: ask again with the same key',
      options,
    );
    this.key = about.key;
    this.attempts = about.attempts;
  }
}

/**
 * The API's answer is not what the schema of the client says, or is no JSON whose numbers can be kept. The request
 * was done; `body` is the text of the answer.
 */
export class UnexpectedAnswer extends ExactlyOnceError {
  override name = 'UnexpectedAnswer';
  readonly key: string;
  readonly attempts: number;
  constructor(
    about: About,
    readonly status: number,
    problem: string,
    readonly body: string,
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
