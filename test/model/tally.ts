/** How often what happened, over all runs: the proof that the model is not empty (R42). */
export class Tally {
  readonly #counts = new Map<string, number>();

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
  /** Alphabetically. */
  get entries(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
