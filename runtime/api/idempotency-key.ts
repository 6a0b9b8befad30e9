/** The key of a request, or what is wrong with its header. */
export type ReadKey =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed'; readonly problem: string };

/** Longest key, in characters of the key itself, quotes and escapes not counted. Stripe's limit. */
export const maxKeyLength = 255;

/** RFC 9651 3.3.3: visible ASCII and blanks between quotes; a quote and a backslash are escaped by a backslash. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** What most clients send: visible ASCII, without what has a meaning in a structured header. */
const bare = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/**
 * Reads the Idempotency-Key header. The draft asks for a quoted string; a bare token, as Stripe's clients send it,
 * means the same key as that token in quotes. Two header lines, which arrive joined by a comma, are malformed.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07#section-2.1
 */
export function readKey(header: string | undefined): ReadKey {
  const text = header?.replace(/^[ \t]+|[ \t]+$/g, '');
  if (text === undefined) return { kind: 'missing' };
  const key = bare.test(text) ? text : quoted.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
  if (key === undefined)
    return {
      kind: 'malformed',
      problem:
        'it must be one string in double quotes, of visible ASCII and blanks with \\" and \\\\ for a quote and a backslash, ' +
        'or a token of visible ASCII without quotes, commas, semicolons and backslashes',
    };
  if (key.length === 0 || key.length > maxKeyLength)
    return { kind: 'malformed', problem: `it must have 1 to ${maxKeyLength} characters, got ${key.length}` };
  return { kind: 'key', key };
}
