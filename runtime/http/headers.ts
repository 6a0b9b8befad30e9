/** RFC 9110 5.1: a token. */
const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/**
 * RFC 9110 5.5: visible characters, blanks and tabs, none of them at an end. Those beyond Latin-1 have no bytes in a
 * header; a line break would begin another header.
 */
const value = /^(?:[\x21-\x7e\xa0-\xff](?:[\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?)?$/;

/** Says of what is replayed and what is not, and so is this layer's to say. */
const ours = 'idempotent-replayed';

/**
 * The headers of an answer by lower-case name.
 *
 * @throws TypeError for a header that HTTP cannot carry, or that is given twice: a defect of the handler. The value
 *   is not quoted, because it may be personal data.
 */
export function headersOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [written, text] of Object.entries(given) as [string, unknown][]) {
    const lower = written.toLowerCase();
    if (!name.test(written)) throw new TypeError(`header name ${JSON.stringify(written)} is no token`);
    if (Object.hasOwn(headers, lower))
      throw new TypeError(`header '${lower}' is given twice, in upper and lower case; join the values`);
    if (lower !== ours) headers[lower] = checked(text, `header '${lower}'`);
  }
  return headers;
}

/** `Set-Cookie` lines. @throws TypeError see {@link headersOf} */
export function cookiesOf(given: readonly string[]): readonly string[] {
  return given.map((line) => checked(line, 'a cookie'));
}

function checked(text: unknown, what: string): string {
  if (typeof text !== 'string') throw new TypeError(`${what} must be text, got ${typeof text}`);
  if (!value.test(text))
    throw new TypeError(
      `${what} has a control character, a line break, a character beyond Latin-1, or a blank at an end; encode it, such as with encodeURIComponent`,
    );
  return text;
}
