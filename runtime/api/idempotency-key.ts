/** The key of a request, or what is wrong with its header. */
export type ReadKey =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed'; readonly problem: string };

/** Longest key, in characters of the key itself, quotes and escapes not counted. Stripe's limit. */
export const maxKeyLength = 255;

/**
 * RFC 9651 3.3.3: visible ASCII and blanks between quotes; a quote and a backslash are escaped by a backslash. What
 * is behind the string are parameters.
 *
 * No two parts of these expressions match one character at one place, so that no header makes them slow.
 */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(.*)$/;
/** What most clients send: visible ASCII, without what has a meaning in a structured header. */
const bare = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;
/** RFC 9651 3.1.2: names in lower case, each with a bare item as its value or with none. */
const parameters =
  /^(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[\x21\x23-\x2b\x2d-\x3a\x3c\x3e-\x7e][\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]*))?)*$/;

/**
 * Reads the Idempotency-Key header. The draft asks for a quoted string; a bare token, as Stripe's clients send it,
 * means the same key as that token in quotes. Parameters of a quoted key are read and say nothing: the draft defines
 * none, and who reads a structured field ignores those that it does not know. Two header lines, which arrive joined
 * by a comma, are malformed.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07#section-2.1
 * @see https://www.rfc-editor.org/rfc/rfc9651#section-3.1.2
 */
export function readKey(header: string | undefined): ReadKey {
  if (header === undefined) return { kind: 'missing' };
  const text = withoutBlanks(header);
  const key = bare.test(text) ? text : keyOf(text);
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

function keyOf(text: string): string | undefined {
  const [, string, rest = ''] = quoted.exec(text) ?? [];
  return parameters.test(rest) ? string?.replace(/\\(["\\])/g, '$1') : undefined;
}

/** Blanks and tabs around a field are not part of it. By hand: an expression for those at the end is quadratic. */
function withoutBlanks(header: string): string {
  const isBlank = (at: number) => header[at] === ' ' || header[at] === '\t';
  let start = 0;
  let end = header.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return header.slice(start, end);
}
