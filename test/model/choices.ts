import { Arbitrary, Stream, Value, type Random } from 'fast-check';

/**
 * The decisions of one run, one byte each, taken one after another. 0 is always the quiet alternative (the oldest
 * thing goes on, nothing breaks), and so is every decision beyond the end: a shorter list with more zeros is a
 * simpler run.
 */
export class Choices {
  #at = 0;

  constructor(private readonly bytes: readonly number[]) {}

  get exhausted(): boolean {
    return this.#at >= this.bytes.length;
  }
  /** A whole number from 0 to count - 1. */
  below(count: number): number {
    return count <= 1 ? 0 : this.#next() % count;
  }
  /** True in `of256` of 256 cases. */
  chance(of256: number): boolean {
    return of256 > 0 && this.#next() >= 256 - of256;
  }
  #next(): number {
    const byte = this.bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }
}

/** Lists of decisions. They shrink by losing their end and by becoming zero piece by piece. */
export class ChoiceBytes extends Arbitrary<number[]> {
  constructor(private readonly maxLength: number) {
    super();
  }
  generate(random: Random): Value<number[]> {
    const bytes: number[] = [];
    for (let left = random.nextInt(0, this.maxLength); left > 0; left -= 1)
      bytes.push(random.nextInt(0, 255));
    return new Value(bytes, undefined);
  }
  canShrinkWithoutContext(value: unknown): value is number[] {
    return Array.isArray(value);
  }
  shrink(bytes: number[]): Stream<Value<number[]>> {
    return new Stream(smaller(bytes)).map((simpler) => new Value(simpler, undefined));
  }
}

function* smaller(bytes: readonly number[]): IterableIterator<number[]> {
  if (bytes.length === 0) return;
  for (const kept of [0, 1 / 4, 1 / 2, 3 / 4, 7 / 8]) yield bytes.slice(0, Math.floor(bytes.length * kept));
  yield bytes.slice(0, -1);
  for (let size = bytes.length >> 1; size >= 1; size >>= 1)
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.slice(at, at + size);
      if (!piece.some((byte) => byte !== 0)) continue;
      yield [...bytes.slice(0, at), ...piece.map(() => 0), ...bytes.slice(at + size)];
      if (size < 8) yield [...bytes.slice(0, at), ...bytes.slice(at + size)];
    }
}
