/** Bytes that a name may have: of a source, a kind, an aggregate, a type. */
export const maxNameBytes = 1_024;

/** Text that may name what an event is about. */
export function isName(text: unknown): text is string {
  return (
    typeof text === 'string' && text !== '' && text.isWellFormed() && Buffer.byteLength(text) <= maxNameBytes
  );
}

/** A name that an event's id can be split after. */
export function isPart(text: unknown): text is string {
  return isName(text) && !text.includes('/');
}
