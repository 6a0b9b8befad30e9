import type { DeployedStack } from './deployed-stack.js';
import { heldTest } from './held-test.js';
import { accountRow, enqueue, newCustomer, pay, payment, paymentRow, settled } from './traffic.js';

export function paymentsActOnce(stack: DeployedStack): void {
  heldTest('a payment sent twice by the client and put on the queue three more times acts once', async () => {
    const customer = newCustomer();
    const bought = payment(customer, 1177);
    const answers = [await pay(stack, bought), await pay(stack, bought)];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(await answers[1]!.json()).toEqual({ paymentId: bought.paymentId, status: 'accepted' });
    await enqueue(stack, customer, [bought, bought, bought]);

    await settled(stack, customer);
    // Neither counter hangs on a key: each copy that acts adds one.
    expect(await paymentRow(stack, bought.paymentId)).toMatchObject({ cents: 1177, settlements: 1 });
    expect(await accountRow(stack, customer)).toMatchObject({ balance: -1178, payments: 2 });
  });
}
