import type { DeployedStack } from './deployed-stack.js';
import { deadLettersOf } from './dead-letters.js';
import { heldTest } from './held-test.js';
import { accountRow, enqueue, newCustomer, payment, paymentRow, settled } from './traffic.js';

export function customersInOrder(stack: DeployedStack): void {
  heldTest('payments of one customer act in the order they were sent', async () => {
    const customer = newCustomer();
    const first = [100, 200, 300, 400, 500].map((cents) => payment(customer, cents));
    // The same ids with other amounts: whichever comes first of each acts, the other one is refused.
    const second = first.map((earlier) => ({ ...earlier, cents: earlier.cents + 1 }));
    await enqueue(stack, customer, [...first, ...second]);

    await settled(stack, customer);
    const rows = await Promise.all(first.map(({ paymentId }) => paymentRow(stack, paymentId)));
    expect(rows.map((row) => row?.['cents'])).toEqual([100, 200, 300, 400, 500]);
    expect(await accountRow(stack, customer)).toMatchObject({ balance: -1501, payments: 6 });
    const refused = await deadLettersOf(stack, customer, 5);
    expect(refused.map(({ note }) => note.key)).toEqual(first.map(({ paymentId }) => paymentId));
  });
}
