/**
 * What the latest versions of a stream said, as one short text: the beginnings of their fingerprints, one after
 * another, the version at the position last. By them a version that has acted and comes with another payload is told
 * from a copy (R5, R53).
 */

/** Versions that are remembered. An older one that comes with another payload is taken for a copy. */
export const markedVersions = 64;

/** Characters of a mark: 48 bits of a SHA-256. */
const width = 8;
/** Of a version that has not acted, and of one before the marks were kept. No base64url has it. */
const unknown = '.'.repeat(width);

function markOf(fingerprint: string): string {
  return fingerprint.slice(0, width).padEnd(width, '.');
}

/**
 * The marks after the stream has moved on to a version.
 *
 * @param fingerprint undefined: the version was passed over
 * @param between how many versions before it are not for this consumer
 */
export function withMark(
  marks: string | undefined,
  fingerprint: string | undefined,
  between: bigint,
): string {
  const left = between < markedVersions ? Number(between) : markedVersions;
  const mark = fingerprint === undefined ? unknown : markOf(fingerprint);
  return ((marks ?? '') + unknown.repeat(left) + mark).slice(-markedVersions * width);
}

/** The marks after a version at or below the position has acted. @param behind how far below the position it is */
export function withLateMark(marks: string | undefined, behind: bigint, fingerprint: string): string {
  const text = marks ?? '';
  const end = text.length - Number(behind) * width;
  return end < width ? text : text.slice(0, end - width) + markOf(fingerprint) + text.slice(end);
}

/**
 * What is remembered of a version, if that is something else than the given payload. @param behind how far below the
 * position it is
 */
export function otherMark(
  marks: string | undefined,
  behind: bigint,
  fingerprint: string,
): string | undefined {
  if (marks === undefined || behind >= markedVersions) return undefined;
  const end = marks.length - Number(behind) * width;
  if (end < width) return undefined;
  const mark = marks.slice(end - width, end);
  return mark === unknown || mark === markOf(fingerprint) ? undefined : mark;
}
