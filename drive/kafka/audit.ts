import type { PurchaseMessage } from './messages.js';

/** What an auditor says of one place where every purchase must have had its effect once. */
export interface KafkaFigures {
  readonly name: string;
  readonly purchases: number;
  readonly lost: number;
  readonly doubled: number;
  /** What is there and is no purchase of this run. */
  readonly unknown: number;
  readonly cents: number;
  readonly expectedCents: number;
}

export function isExact({ purchases, lost, doubled, unknown, cents, expectedCents }: KafkaFigures): boolean {
  return purchases > 0 && lost === 0 && doubled === 0 && unknown === 0 && cents === expectedCents;
}

/** Holds a topic's records against the purchases that were written. */
export function auditTopic(
  name: string,
  purchases: readonly PurchaseMessage[],
  records: readonly PurchaseMessage[],
): KafkaFigures {
  const times = new Map(purchases.map(({ purchase }) => [purchase, 0]));
  let unknown = 0;
  for (const { purchase } of records) {
    const before = times.get(purchase);
    if (before === undefined) unknown += 1;
    else times.set(purchase, before + 1);
  }
  const counts = [...times.values()];
  return {
    name,
    purchases: purchases.length,
    lost: counts.filter((count) => count === 0).length,
    doubled: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    unknown,
    cents: total(records),
    expectedCents: total(purchases),
  };
}

/** A row of the table of accounts. */
export interface Account {
  readonly customer: string;
  readonly purchases: number;
  readonly cents: number;
}

/** Holds accounts against the purchases: per customer, so that a loss does not hide a double of somebody else. */
export function auditAccounts(
  name: string,
  purchases: readonly PurchaseMessage[],
  accounts: readonly Account[],
): KafkaFigures {
  const expected = Map.groupBy(purchases, ({ customer }) => customer);
  const booked = new Map(accounts.map((account) => [account.customer, account.purchases]));
  const differences = [...expected].map(([customer, own]) => (booked.get(customer) ?? 0) - own.length);
  return {
    name,
    purchases: purchases.length,
    lost: differences.reduce((sum, difference) => sum + Math.max(0, -difference), 0),
    doubled: differences.reduce((sum, difference) => sum + Math.max(0, difference), 0),
    unknown: accounts.filter(({ customer }) => !expected.has(customer)).length,
    cents: total(accounts),
    expectedCents: total(purchases),
  };
}

function total(of: readonly { readonly cents: number }[]): number {
  return of.reduce((sum, { cents }) => sum + cents, 0);
}
