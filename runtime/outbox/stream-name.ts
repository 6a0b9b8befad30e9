/** What the stream of an event is named after. */
export interface StreamName {
  readonly source: string;
  /** Incarnation of the source's counts. */
  readonly epoch: string;
  /** Kind of the aggregate; undefined for counts that were adopted from the first release. */
  readonly kind?: string;
  readonly aggregate: string;
}

/** @returns undefined when the text is no name that a publisher gives */
export function streamName(stream: string): StreamName | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(stream);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined;
  const [source = '', epoch = '', third = '', fourth] = parts;
  if (parts.length < 3 || parts.length > 4) return undefined;
  return fourth === undefined
    ? { source, epoch, aggregate: third }
    : { source, epoch, kind: third, aggregate: fourth };
}
