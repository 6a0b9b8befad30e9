import type { Context } from 'aws-lambda';
import type { Identity, RequestLimits } from './request.js';
import type { RenderedResponse } from '../http/response.js';
import { ResponseTooLarge } from './saved-response.js';

/** Time kept at the end for the answer; no new attempt at a commit starts in it. */
const answerMs = 250;

/** The body's bytes: Lambda gets text as text and the rest as base64. */
export function rawBody({
  body,
  isBase64Encoded,
}: {
  readonly body?: string | null;
  readonly isBase64Encoded: boolean;
}): Uint8Array {
  return Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
}

/** The client certificate of an event. */
export function certificateOf(
  certificate: { readonly subjectDN: string; readonly issuerDN: string } | null | undefined,
): Identity['clientCertificate'] {
  return certificate ? { subject: certificate.subjectDN, issuer: certificate.issuerDN } : undefined;
}

/** @param record what the types call absent may also come as `null` */
export function defined(
  record: Readonly<Record<string, string | undefined>> | null | undefined,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * The path that the route and its parameters make, which is the same whatever domain, stage or base path mapping the
 * request has come by: `/payments/17` for `/prod/payments/17` too. Undefined where a parameter is not told: without
 * it two resources would be one.
 *
 * @param route such as `/payments/{id}` or `/{proxy+}`
 * @param path as it was sent
 */
export function resourceOf(
  route: string,
  params: Readonly<Record<string, string>>,
  path: string,
): string | undefined {
  const names = [...route.matchAll(/\{([^{}+]*)\+?\}/g)].map(([, name = '']) => name);
  if (names.some((name) => params[name] === undefined)) return undefined;
  return route.replace(/\{([^{}+]*)(\+?)\}/g, (_, name: string, greedy: string) => {
    const value = (params[name] ?? '').toWellFormed();
    return greedy === '' ? encodeURIComponent(value) : greedyPart(value, path);
  });
}

/**
 * The slashes of a greedy parameter are those of the path. But it comes decoded, and `a%2Fb` and `a/b` are two
 * resources: so it is the end of the path, as far as that was told as it was sent.
 */
function greedyPart(value: string, path: string): string {
  const parts = path.split('/').map(decoded);
  let from = parts.length;
  let length = -1;
  while (from > 0 && length < value.length) length += 1 + (parts[--from] ?? '').length;
  const end = parts.slice(from);
  const told = end.join('/') === value ? end : value.split('/');
  return told.map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/');
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A body as Lambda takes it: text as text and the rest in base64. */
export function lambdaBody(body: RenderedResponse['body']): { body: string; isBase64Encoded: boolean } {
  return typeof body === 'string'
    ? { body, isBase64Encoded: false }
    : { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
}

export function requestLimits(context: Pick<Context, 'getRemainingTimeInMillis'>): RequestLimits {
  return {
    deadline: Date.now() + context.getRemainingTimeInMillis() - answerMs,
    assertCarried: assertAnswerFits,
  };
}

/**
 * Lambda takes no answer beyond it, as the JSON that it is to Lambda: the caller would get a 5xx for what is done.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const mostAnswerBytes = 6 * 1024 * 1024;
/** For the names of the parts, and what a replay adds. */
const aroundAnswer = 1024;

/** @throws ResponseTooLarge */
function assertAnswerFits({ headers, cookies, body }: RenderedResponse): void {
  const rest = aroundAnswer + Buffer.byteLength(JSON.stringify([headers, cookies]));
  const bytes = rest + (typeof body === 'string' ? jsonBytes(body) : 4 * Math.ceil(body.byteLength / 3));
  if (bytes > mostAnswerBytes)
    throw new ResponseTooLarge(
      bytes,
      mostAnswerBytes,
      'an answer of Lambda, as JSON and in base64 where it is no text,',
      'answer with a reference, such as a presigned URL',
    );
}

/** No more than six bytes are made of a character, so most texts need not be looked at. */
function jsonBytes(text: string): number {
  return text.length * 6 < mostAnswerBytes / 2 ? text.length : Buffer.byteLength(JSON.stringify(text));
}
