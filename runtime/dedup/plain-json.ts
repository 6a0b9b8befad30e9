/** JSON nested deeper than this is refused: whatever walks it, a schema first of all, would overflow its stack. */
export const maxDepth = 500;

/**
 * The value of a JSON text that is as nearly all are: no number in it can be rounded, and it is not nested deep.
 *
 * @returns undefined where only `parseJson` can tell, which is a module of its own because few bodies need it.
 */
export function parsePlainJson(text: string): { readonly json: unknown } | undefined {
  if (opensMoreThan(text, maxDepth) || mayBeInexact.test(text)) return undefined;
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Brackets, wherever they stand. An ordinary body has few, and jumping from one to the next is much faster than
 * reading.
 */
export function opensMoreThan(text: string, most: number): boolean {
  let count = 0;
  for (const bracket of '[{')
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if ((count += 1) > most) return true;
  return false;
}

/**
 * What a number looks like that has 16 digits or an exponent; all others are exact, because a double holds every
 * decimal of 15 digits. What follows tells it from text in quotes, such as an id. Each run of digits is tried once,
 * at its start, so that no text makes it slow.
 */
export const mayBeInexact = /(?<![\d.])[\d.]{16,}(?=[\s,\]}eE]|$)|\d[eE][+-]?\d{1,15}(?=[\s,\]}]|$)/;
