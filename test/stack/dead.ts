import type { DeployedStack } from './deployed-stack.js';
import { deadLettersOf } from './dead-letters.js';
import { heldTest } from './held-test.js';
import { accepted, accountRow, enqueue, newCustomer, payment, paymentRow, settled } from './traffic.js';

export function poisonIsDeadLettered(stack: DeployedStack): void {
  heldTest(
    'what can never be processed goes to the dead-letter queue with the reason, the rest acts',
    async () => {
      const customer = newCustomer();
      const before = payment(customer, 10);
      const after = payment(customer, 20);
      const broken = { ...payment(customer, 30), cents: 'thirty' };
      await enqueue(stack, customer, [before, 'no JSON', broken, after]);

      await settled(stack, customer);
      const letters = await deadLettersOf(stack, customer, 2);
      expect(letters.map(({ body }) => body)).toEqual(['no JSON', JSON.stringify(accepted(broken))]);
      expect(letters[0]!.note.reason).toMatch(/JSON/);
      expect(letters[1]!.note.reason).toMatch(/cents/);
      expect(await paymentRow(stack, before.paymentId)).toMatchObject({ settlements: 1 });
      expect(await paymentRow(stack, after.paymentId)).toMatchObject({ settlements: 1 });
      expect(await accountRow(stack, customer)).toMatchObject({ balance: -31, payments: 3 });
    },
  );

  heldTest('sequence numbers reach the handler as text of 20 digits or more, growing', async () => {
    const sequences = await sequencesOfTwo(stack);
    for (const sequence of sequences) expect(sequence).toMatch(/^\d{20,}$/);
    const [one = 0n, two = 0n] = sequences.map(BigInt);
    expect(one).toBeGreaterThan(2n ** 63n);
    expect(two).toBeGreaterThan(one);
  });

  heldTest('messages 256 apart, one number for JavaScript, reach the handler as two texts', async () => {
    const [one = '', two = ''] = await sequencesOfTwo(stack);
    expect(BigInt(two) - BigInt(one)).toBe(256n);
    // This is what a handler that takes them for numbers would see.
    expect(Number(two)).toBe(Number(one));
  });
}

/** The numbers of two messages, one after the other, as the function saw them: it notes them on what it refuses. */
async function sequencesOfTwo(stack: DeployedStack): Promise<string[]> {
  const customer = newCustomer();
  await enqueue(stack, customer, ['one', 'two']);
  const letters = await deadLettersOf(stack, customer, 2);
  expect(letters.map(({ body }) => body)).toEqual(['one', 'two']);
  return letters.map(({ note }) => note.sequence ?? '');
}
