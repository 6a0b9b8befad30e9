import type { Effects } from './effects.js';
import type { JournalEntry } from './journal.js';

/** What a difference comes to. */
export interface Difference {
  readonly customers: number;
  readonly cents: bigint;
}

/** How customers' accounts differ from what they have bought, each way. */
export interface Charges {
  readonly tooMuch: Difference;
  readonly tooLittle: Difference;
}

/** Holds every account against the customer's purchases in the journal. */
export function chargesOf(journal: readonly JournalEntry[], { accounts }: Effects): Charges {
  const due = new Map<string, bigint>();
  for (const { customer, cents } of journal) due.set(customer, (due.get(customer) ?? 0n) + BigInt(cents));
  const tooMuch = { customers: 0, cents: 0n };
  const tooLittle = { customers: 0, cents: 0n };
  for (const customer of new Set([...due.keys(), ...accounts.keys()])) {
    const off = -(accounts.get(customer)?.balance ?? 0n) - (due.get(customer) ?? 0n);
    const difference = off > 0n ? tooMuch : tooLittle;
    if (off === 0n) continue;
    difference.customers += 1;
    difference.cents += off > 0n ? off : -off;
  }
  return { tooMuch, tooLittle };
}
