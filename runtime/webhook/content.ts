import { parseJson } from '../http/read-body.js';
import type { WebhookRequest } from './request.js';
import { MalformedEvent } from './errors.js';

/** The body of a request whose signature is right, as values. */
export class Content {
  readonly #request: WebhookRequest;
  #json: unknown;

  constructor(request: WebhookRequest) {
    this.#request = request;
  }

  /** Whether it is a form: `application/x-www-form-urlencoded`. */
  get isForm(): boolean {
    return /^application\/x-www-form-urlencoded\b/i.test(this.#request.headers['content-type'] ?? '');
  }

  /** The fields of a form, in their order. */
  form(): URLSearchParams {
    return new URLSearchParams(Buffer.from(this.#request.body).toString());
  }

  /** The JSON of the body, no number rounded (R52). @throws MalformedEvent */
  json(): unknown {
    this.#json ??= jsonOf(this.#request.body);
    return this.#json;
  }

  /** The JSON object that the body is. @throws MalformedEvent */
  object(): Members {
    return objectIn(this.json(), 'the body');
  }
}

export type Members = Readonly<Record<string, unknown>>;

/** @throws MalformedEvent when the value is no JSON object. */
export function objectIn(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedEvent(`${what} is no JSON object`);
  return value as Members;
}

/** A member that has to be there as text that is not empty. @throws MalformedEvent */
export function textIn(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string' || value === '' || !value.isWellFormed())
    throw new MalformedEvent(`member '${name}' is no text`);
  return value;
}

/** A member that may be there as text; otherwise empty. */
export function maybeTextIn(members: Members, name: string): string {
  const value = members[name];
  return typeof value === 'string' ? value : '';
}

/** @throws MalformedEvent */
export function jsonOf(body: Uint8Array): unknown {
  const read = parseJson(body);
  if ('problem' in read) throw new MalformedEvent(read.problem);
  return read.json;
}
