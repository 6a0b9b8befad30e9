import type { RenderedResponse } from './response.js';

/**
 * Every answer that comes from this layer and not from the handler, and whether the same request may be answered
 * otherwise when it is sent again.
 */
const kinds = {
  'key-missing': [400, 'Idempotency-Key is missing', false],
  'key-malformed': [400, 'Idempotency-Key is malformed', false],
  'body-invalid': [400, 'The request does not fit its schema', false],
  'event-malformed': [400, 'The event is not as its sender says', false],
  'signature-expired': [400, 'The signature is too old, or of the future', false],
  'signature-invalid': [401, 'The signature is not right', false],
  'source-unknown': [404, 'There is no such source', false],
  'caller-unknown': [401, 'The caller is not known', false],
  'method-not-allowed': [405, 'The method is not allowed', false],
  'key-in-use': [409, 'A request is outstanding for this Idempotency-Key', true],
  'body-too-large': [413, 'The body is too large', false],
  'encoding-unsupported': [415, 'The Content-Encoding is not supported', false],
  'key-reused': [422, 'Idempotency-Key is already used', false],
  'handler-failed': [500, 'The request failed', true],
  'effect-blocked': [500, 'An effect of the request waits for an operator', false],
  'response-unavailable': [500, 'The saved response cannot be read', false],
  'not-committed': [503, 'The request was not done', true],
  'not-confirmed': [503, 'The request is not confirmed', true],
} as const satisfies Record<string, readonly [status: number, title: string, again: boolean]>;

export type ProblemKind = keyof typeof kinds;

/** RFC 9457 problem details. `errors` says where a body does not fit, as JSON pointers. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export interface ProblemParts {
  /** No payload and no key in it: answers end up in logs. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: Problem['errors'];
}

/** A problem that is to be answered, unless the request turns out to have an answer already. */
export interface Refusal {
  readonly kind: ProblemKind;
  readonly parts: ProblemParts;
  /** How many issues a schema has found. */
  readonly issues?: number;
}

/**
 * Whether it is of use to send the same request again: `true` or `false`. What Stripe's clients read as
 * `Stripe-Should-Retry`, under the name that generated clients of many other APIs know.
 */
export const retryHint = 'x-should-retry';

/**
 * Makes a problem as a response. It is never saved: a corrected or repeated request with the same key starts afresh
 * (R38).
 */
export type Problems = (kind: ProblemKind, parts: ProblemParts) => RenderedResponse;

/**
 * @param documentation page of the API, to which the draft wants errors to lead: types are its fragments
 *   (`...#key-missing`) and the
 *   answer has a Link to it. Without one, types are URNs.
 * @see https://www.rfc-editor.org/rfc/rfc9457
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07#section-2.7
 */
export function problems(documentation: string | undefined): Problems {
  const base = documentation === undefined ? 'urn:exactly-once-aws:problem:' : `${documentation}#`;
  const link: Record<string, string> =
    documentation === undefined ? {} : { link: `<${documentation}>; rel="describedby"; type="text/html"` };
  return (kind, { detail, headers, errors }) => {
    const [status, title, again] = kinds[kind];
    const body: Problem = { type: `${base}${kind}`, title, status, detail, errors };
    return {
      status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        [retryHint]: String(again),
        ...link,
        ...headers,
      },
      body: JSON.stringify(body),
      cookies: [],
    };
  };
}
