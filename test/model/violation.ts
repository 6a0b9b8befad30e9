/** A guarantee was broken. */
export class Violation extends Error {
  override name = 'Violation';
  /** Everything that happened before, one line each; only while a run is traced. */
  trace: readonly string[] = [];
}
