import type { KeyedApiProps } from './idempotent-api-props.js';

/** Headers that a page sends: the key, a body, and whatever authenticates its caller. */
const sent = [
  'authorization',
  'content-type',
  'idempotency-key',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
];

/** Headers of an answer that a client of the API acts on. */
export const readHeaders = ['idempotent-replayed', 'location', 'retry-after', 'x-should-retry'];

/** What pages of other origins may do; undefined: nothing. */
export function crossOrigin({
  corsOrigins,
  corsHeaders = [],
}: KeyedApiProps): { readonly allowOrigins: string[]; readonly allowHeaders: string[] } | undefined {
  if (corsOrigins === undefined) return undefined;
  return { allowOrigins: corsOrigins, allowHeaders: [...new Set([...sent, ...corsHeaders])] };
}
