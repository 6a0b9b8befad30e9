import type { DeadLetter } from './dead-letters.js';
import type { Effects } from './effects.js';
import type { JournalEntry } from './journal.js';
import { notPoison, some } from './some.js';
import { voidFindings } from './void.js';

export type Verdict = 'exactly-once' | 'violated';

/** What is held against each other. */
export interface Evidence {
  /** Every payment, written down before its first request. */
  readonly journal: readonly JournalEntry[];
  readonly effects: Effects;
  readonly dead: readonly DeadLetter[];
  /**
   * Ids of what was sent to end among the dead letters. A letter of anything else is a finding, whatever its reason.
   *
   * @default - none
   */
  readonly poison?: ReadonlySet<string>;
  /** Messages the source queue still holds. */
  readonly leftInQueue: number;
}

export interface Audit {
  /** `exactly-once` only if there is no finding. */
  readonly verdict: Verdict;
  /** Payments that acted, sent or not. */
  readonly effects: number;
  /** Payments that neither acted nor died with a reason, and accounts that moved less than their payments say. */
  readonly lost: number;
  /** Payments that acted more than once, and accounts that disagree with their payments in any other way. */
  readonly doubled: number;
  /** Payments dead-lettered with a reason that did not act. */
  readonly dead: number;
  /** Always 0: no payment waits for another one in this path, there is nowhere to park. */
  readonly parked: number;
  readonly cents: {
    /** Of the journal, without what died. */
    readonly expected: bigint;
    readonly payments: bigint;
    readonly accounts: bigint;
    readonly shop: bigint;
  };
  /** One sentence each, with the first ids. */
  readonly findings: readonly string[];
}

/**
 * Compares what was sent with what happened. It works on the journal and the tables alone: nothing that the consumer
 * says about itself goes into the verdict (R42).
 *
 * `lost` = journal - effects - dead letters with a reason - parked. An effect is told by an unkeyed counter in the
 * payment's row and by another one in its customer's account: a second one is seen in both, or in the one it reached.
 */
export function audit({ journal, effects, dead, poison, leftInQueue }: Evidence): Audit {
  const acted = new Set<string>();
  const doubled: string[] = [];
  for (const [paymentId, { settlements }] of effects.payments) {
    if (settlements > 0n) acted.add(paymentId);
    if (settlements > 1n) doubled.push(paymentId);
  }
  const sent = new Map(journal.map((entry) => [entry.paymentId, entry]));
  const died = new Set<string>();
  const strays: string[] = [];
  for (const { id: paymentId = '(no id)', reason } of dead) {
    if (reason !== undefined && sent.has(paymentId)) died.add(paymentId);
    else strays.push(paymentId);
  }
  const lost = [...sent.keys()].filter((paymentId) => !acted.has(paymentId) && !died.has(paymentId));
  const unknown = [...effects.payments.keys()].filter((paymentId) => !sent.has(paymentId));
  const altered = [...sent.values()]
    .filter(({ paymentId, customer, cents }) => {
      const row = effects.payments.get(paymentId);
      return row !== undefined && (row.cents !== BigInt(cents) || row.customer !== customer);
    })
    .map(({ paymentId }) => paymentId);
  const accounts = compareAccounts(effects);

  const settled = [...effects.payments.values()];
  const cents = {
    expected: sum(
      journal
        .filter(({ paymentId }) => acted.has(paymentId) || !died.has(paymentId))
        .map(({ cents }) => BigInt(cents)),
    ),
    payments: sum(settled.map((row) => row.cents)),
    accounts: -sum([...effects.accounts.values()].map(({ balance }) => balance)),
    shop: effects.shop.credit,
  };
  const settlements = sum(settled.map((row) => row.settlements));
  const findings = [
    some(lost, 'sent but never acted: lost'),
    some(doubled, 'acted more than once: doubled'),
    some(unknown, 'acted but were never sent'),
    some(altered, 'have a row with another amount or customer than was sent'),
    some(accounts.short, 'moved less than their payments say: lost', 'account'),
    some(accounts.other, 'disagree with their payments', 'account'),
    effects.shop.payments === settlements
      ? undefined
      : `the shop was credited ${effects.shop.payments} times, its payments acted ${settlements} times`,
    new Set(Object.values(cents)).size === 1
      ? undefined
      : `cents disagree: ${cents.expected} sent, ${cents.payments} in payment rows, ${cents.accounts} off accounts, ${cents.shop} on the shop`,
    some(strays, 'in the dead-letter queue without a reason, or of a payment that was never sent', 'message'),
    some(
      [...died].filter((id) => !poison?.has(id)),
      notPoison,
      'message',
    ),
    ...voidFindings({ sent: journal.length, effects: acted.size, leftInQueue }),
  ].filter((finding) => finding !== undefined);

  return {
    verdict: findings.length === 0 ? 'exactly-once' : 'violated',
    effects: acted.size,
    lost: lost.length + accounts.short.length,
    doubled: doubled.length + accounts.other.length,
    dead: [...died].filter((paymentId) => !acted.has(paymentId)).length,
    parked: 0,
    cents,
    findings,
  };
}

/**
 * Holds each account against what its payments' rows say, doubles included: a payment that acted twice in both places
 * is found once, by its row.
 */
function compareAccounts({ payments, accounts }: Effects): { short: string[]; other: string[] } {
  const due = new Map<string, { payments: bigint; cents: bigint }>();
  for (const { customer, cents, settlements } of payments.values()) {
    const so = due.get(customer) ?? { payments: 0n, cents: 0n };
    due.set(customer, { payments: so.payments + settlements, cents: so.cents + settlements * cents });
  }
  const short: string[] = [];
  const other: string[] = [];
  for (const customer of new Set([...due.keys(), ...accounts.keys()])) {
    const expected = due.get(customer) ?? { payments: 0n, cents: 0n };
    const found = accounts.get(customer) ?? { payments: 0n, balance: 0n };
    if (found.payments < expected.payments) short.push(customer);
    else if (found.payments > expected.payments || found.balance !== -expected.cents) other.push(customer);
  }
  return { short, other };
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
