/** What a target is to be sent one after the other: a stream, or several that share a group. */
export interface Lane<E> {
  /** In order; what was accepted is taken away. */
  waiting: E[];
  /** Most entries of it in one call. */
  readonly atOnce: number;
  /** Those of the next call: fewer after a call that failed as a whole, to find whose fault it was. */
  most: number;
  /** Tries in vain of what is at its head. */
  attempts: number;
  /** Not before, by `steadyNow`. */
  notBefore: number;
  /** The last call failed as a whole, and what it held may have been accepted. */
  inDoubt: boolean;
}

/** @param atOnce most entries of it in one call */
export function newLane<E>(waiting: E[], atOnce: number): Lane<E> {
  return { waiting, atOnce, most: atOnce, attempts: 0, notBefore: 0, inDoubt: false };
}
