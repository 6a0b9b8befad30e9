import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import {
  accountRow,
  newCustomer,
  pay,
  payment,
  paymentRow,
  published,
  rows,
  type Payment,
} from './traffic.js';

const parallel = 20;

export function parallelRequestsActOnce(stack: DeployedStack): void {
  heldTest('20 requests at once with one key: one answer, one payment, settled once', async () => {
    await stack.quiet('PaymentsQueueUrl');
    const shop = await credited(stack);
    const customer = newCustomer();
    const bought = payment(customer, 1177);
    const answers = await Promise.all(Array.from({ length: parallel }, () => answerTo(stack, bought)));
    expect(new Set(answers)).toEqual(
      new Set([`202 {"paymentId":"${bought.paymentId}","status":"accepted"}`]),
    );

    await eventually(
      'the settlement',
      () => paymentRow(stack, bought.paymentId),
      (settled) => settled !== undefined,
    );
    await stack.quiet('PaymentsQueueUrl');
    // Events are numbered by the payment, and the other counters hang on no key: each request that acts adds one to
    // all of them.
    expect(await published(stack, 'payment', bought.paymentId)).toHaveLength(1);
    expect(await paymentRow(stack, bought.paymentId)).toMatchObject({ cents: 1177, settlements: 1 });
    expect(await accountRow(stack, customer)).toMatchObject({ balance: -1177, payments: 1 });
    expect(await credited(stack)).toEqual({ credit: shop.credit + 1177, payments: shop.payments + 1 });
  });
}

/**
 * Status and body of the answer that ends a client's tries: after a 5xx, of a function that did not start in time, it
 * asks again.
 */
async function answerTo(stack: DeployedStack, bought: Payment): Promise<string> {
  const answer = await eventually(
    'an answer',
    () => pay(stack, bought),
    ({ status }) => status < 500,
  );
  return `${answer.status} ${await answer.text()}`;
}

/** What the shop has been credited with, over all its rows. */
async function credited(stack: DeployedStack): Promise<{ credit: number; payments: number }> {
  const shards = await rows(stack, stack.output('ShopTableName'));
  const sum = (name: string) => shards.reduce((total, shard) => total + Number(shard[name]), 0);
  return { credit: sum('credit'), payments: sum('payments') };
}
