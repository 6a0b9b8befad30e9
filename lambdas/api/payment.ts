import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';

/** What a client asks for. The payment id comes with it as the Idempotency-Key. */
export const PaymentRequest = z.object({
  customer: z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/)),
  /** ISO 8601 date. */
  purchasedOn: z.iso.date(),
  cds: z.int().check(z.positive()),
  cents: z.int().check(z.nonnegative()),
});

export const Payment = z.extend(PaymentRequest, {
  paymentId: z.string().check(z.minLength(1), z.maxLength(255)),
});
export type Payment = z.infer<typeof Payment>;

/**
 * One shop row takes at most 1,000 write units a second, a transaction on a busy row conflicts: so the credit is
 * spread.
 */
const shopShards = 64;

/** The shop's row that a payment is credited to. The shop's credit is the sum over all its rows. */
export function shopShard(paymentId: string): string {
  const hash = createHash('sha256').update(paymentId).digest().readUInt32BE();
  return `cdnow#${String(hash % shopShards).padStart(2, '0')}`;
}

export interface PaymentTables {
  readonly accounts: string;
  readonly payments: string;
  readonly shop: string;
}

/**
 * Settles a payment: debit of the customer, payment row, credit of the shop. The payment row is new and is the
 * payment's receipt. The counters `payments` hang on no key on purpose: if a payment ever acts twice they say so.
 */
export function settlement(names: PaymentTables): (payment: Payment, tx: Transaction) => void {
  const accounts = table({ name: names.accounts, partitionKey: 'customer' });
  const payments = table({ name: names.payments, partitionKey: 'paymentId' });
  const shop = table({ name: names.shop, partitionKey: 'shard' });
  return ({ paymentId, customer, cents, cds, purchasedOn }, tx) => {
    tx.update(accounts, { customer }, { add: { balance: -cents, payments: 1 } });
    tx.insert(payments, { paymentId, customer, cents, cds, purchasedOn, settlements: 1 });
    tx.update(shop, { shard: shopShard(paymentId) }, { add: { credit: cents, payments: 1 } });
  };
}
