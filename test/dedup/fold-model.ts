/**
 * One stream of an aggregate as the rules tell it, without rows, windows or ledgers. It shares no code with the fold.
 */
export class StreamModel {
  readonly log: string[] = [];
  position = 0;
  stuck: number | undefined;
  readonly #acted = new Map<number, string>();
  readonly #kept = new Map<number, string>();
  readonly #holes = new Set<number>();

  /** A new step: what failed before is only known again when it fails again. */
  begin(): void {
    this.stuck = undefined;
  }

  deliver(version: number, payload: string, fails: ReadonlySet<number>): string {
    const was = this.#acted.get(version) ?? this.#kept.get(version);
    const isNext = version === this.position + 1 || this.#holes.has(version);
    if (!isNext && was !== undefined && was !== payload) return 'rejected';
    if (isNext && fails.has(version)) return 'retry';
    if (isNext) this.#act(version, payload);
    else if (version > this.position) this.#kept.set(version, payload);
    this.#drain(fails);
    if (isNext) return 'processed';
    return was === undefined ? 'parked' : 'kept before';
  }

  passOver(version: number, how: 'skip' | 'stop', fails: ReadonlySet<number>): boolean {
    const isNext = version === this.position + 1;
    if (isNext) this.#kept.delete(version);
    if (isNext && how === 'skip') {
      this.#holes.add(version);
      this.position = version;
    }
    this.#drain(fails);
    return isNext && how === 'stop';
  }

  #act(version: number, payload: string): void {
    this.log.push(`${version}${payload}`);
    this.#acted.set(version, payload);
    this.#kept.delete(version);
    this.#holes.delete(version);
    this.position = Math.max(this.position, version);
  }

  #drain(fails: ReadonlySet<number>): void {
    for (let next = this.position + 1; this.#kept.has(next); next += 1) {
      this.stuck = fails.has(next) ? next : undefined;
      if (this.stuck !== undefined) return;
      this.#act(next, this.#kept.get(next) ?? '');
    }
    this.stuck = undefined;
  }
}
