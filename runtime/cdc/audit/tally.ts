import { createHash } from 'node:crypto';

/** One row of one side, or one event of a log. */
export interface AuditRow {
  /** Of the table or topic, such as `payments` or `payments/3`. Both sides name it alike. */
  readonly partition: string;
  /** Which row it is. */
  readonly key: string;
  /** All that is compared of it: the same text on both sides. */
  readonly text: string;
  /** Where it is in the order of its partition. @default - its key */
  readonly at?: string;
}

/**
 * What many rows come to, whatever their order. A row that is missing, doubled or altered changes it: two copies of
 * one row cancel out in the XOR and not in the sum and the count.
 */
export interface Tally {
  readonly count: number;
  /** Of 128 bits of each row's SHA-256, 32 hexadecimal digits; `sum` is modulo 2^128. */
  readonly xor: string;
  readonly sum: string;
  /** Lowest and highest place of a row. */
  readonly min?: string;
  readonly max?: string;
}

const modulus = 2n ** 128n;

export class Tallying {
  count = 0;
  #xor = 0n;
  #sum = 0n;
  #min: string | undefined;
  #max: string | undefined;

  add({ key, at = key }: AuditRow, hash: bigint): void {
    this.count += 1;
    this.#xor ^= hash;
    this.#sum = (this.#sum + hash) % modulus;
    if (this.#min === undefined || at < this.#min) this.#min = at;
    if (this.#max === undefined || at > this.#max) this.#max = at;
  }

  get tally(): Tally {
    return {
      count: this.count,
      xor: hex(this.#xor),
      sum: hex(this.#sum),
      ...(this.#min !== undefined && { min: this.#min }),
      ...(this.#max !== undefined && { max: this.#max }),
    };
  }
}

export const nothing: Tally = new Tallying().tally;

export function isSame(a: Tally, b: Tally): boolean {
  return a.count === b.count && a.xor === b.xor && a.sum === b.sum && a.min === b.min && a.max === b.max;
}

/** Of the key, too: one row under another's key is not that row. */
export function hashOf({ key, text }: AuditRow): bigint {
  return BigInt(`0x${digest(`${key.length}:${key}${text}`)}`);
}

/** In which of so many ranges of its partition a row is. By its key, so that both sides put it into the same one. */
export function rangeOf(key: string, ranges: number): number {
  return Number.parseInt(digest(key).slice(0, 8), 16) % ranges;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function hex(value: bigint): string {
  return value.toString(16).padStart(32, '0');
}
