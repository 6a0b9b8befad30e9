import type { Context } from 'aws-lambda';
import type { RequestLimits } from './request.js';
import type { RenderedResponse } from '../http/response.js';

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

/** @param record what the types call absent may also come as `null` */
export function defined(
  record: Readonly<Record<string, string | undefined>> | null | undefined,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** A body as Lambda takes it: text as text and the rest in base64. */
export function lambdaBody(body: RenderedResponse['body']): { body: string; isBase64Encoded: boolean } {
  return typeof body === 'string'
    ? { body, isBase64Encoded: false }
    : { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
}

export function requestLimits(context: Pick<Context, 'getRemainingTimeInMillis'>): RequestLimits {
  return { deadline: Date.now() + context.getRemainingTimeInMillis() - answerMs };
}
