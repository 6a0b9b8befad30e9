import { RequestNotSent } from './errors.js';

/** No connection came about, so the request was not sent: names of Node's and OpenSSL's error codes. */
const noConnection = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** As these, and they stay: the other side is not who it should be. */
const untrusted =
  /^(?:CERT_|ERR_TLS_CERT_ALTNAME_INVALID$|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_VERIFY_LEAF_SIGNATURE$|UNABLE_TO_GET_ISSUER_CERT)/;

/** What a failed attempt says of its request. */
export type Sent =
  /** It may have arrived. */
  | 'perhaps'
  /** It was not sent; the next attempt may be. */
  | 'not'
  /** It was not sent, and will not be. */
  | 'never';

export function sentBy(error: unknown): Sent {
  if (error instanceof RequestNotSent) return 'never';
  const codes = codesOf(error);
  if (codes.some((code) => untrusted.test(code))) return 'never';
  return codes.length > 0 && codes.every((code) => noConnection.has(code)) ? 'not' : 'perhaps';
}

/**
 * Of the error and what lies beneath: `fetch` wraps what the connection said, of several addresses all. Looked at by
 * its members, because it may come from another realm.
 */
function codesOf(error: unknown, level = 0): string[] {
  if (typeof error !== 'object' || error === null || level > 5) return [];
  const { code, cause, errors } = error as Readonly<Record<string, unknown>>;
  const beneath = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  const codes = beneath.flatMap((one) => codesOf(one, level + 1));
  return typeof code === 'string' ? [code, ...codes] : codes;
}
