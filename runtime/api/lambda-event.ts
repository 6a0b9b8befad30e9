import type { Context } from 'aws-lambda';
import type { RequestLimits } from './request.js';

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

export function requestLimits(context: Pick<Context, 'getRemainingTimeInMillis'>): RequestLimits {
  return { deadline: Date.now() + context.getRemainingTimeInMillis() - answerMs };
}
