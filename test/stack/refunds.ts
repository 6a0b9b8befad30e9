import { randomUUID } from 'node:crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { stripeHeader } from '../webhook/sender-packages.js';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { accountRow, newCustomer, pay, payment, paymentRow, row, rows } from './traffic.js';

/** Whether its target can hold it decides whether the stack is deployed with webhooks. */
export const refundTest =
  'an event of the payment provider that is delivered three times, and another about the same refund, refund once';

export function refundsSettleOnce(stack: DeployedStack): void {
  heldTest(refundTest, async () => {
    const customer = newCustomer();
    const bought = payment(customer, 1177);
    expect((await pay(stack, bought)).status).toBe(202);
    await eventually(
      'the settlement',
      () => paymentRow(stack, bought.paymentId),
      (settled) => settled !== undefined,
    );

    const provider = await Provider.of(stack);
    const refundId = `re_${randomUUID()}`;
    const told = (type: string, status: string) => ({
      id: `evt_${randomUUID()}`,
      ...{ object: 'event', type },
      data: { object: { id: refundId, amount: 177, status, metadata: { paymentId: bought.paymentId } } },
    });
    const pending = told('refund.created', 'pending');
    const [done, again] = [told('refund.updated', 'succeeded'), told('refund.updated', 'succeeded')];
    for (const event of [pending, done, done, again, done]) expect(await provider.deliver(event)).toBe(200);
    const now = Math.floor(Date.now() / 1000);
    expect([
      await provider.deliver(told('refund.updated', 'succeeded'), { secret: 'unknown' }),
      await provider.deliver(told('refund.updated', 'succeeded'), { timestamp: now - 400 }),
      await provider.deliver(told('refund.updated', 'succeeded'), { timestamp: now + 400 }),
      await provider.deliver(told('refund.updated', 'succeeded'), { source: 'nobody' }),
    ]).toEqual([401, 400, 400, 404]);

    await eventually(
      'the refund',
      () => refundRow(stack, refundId),
      (refunded) => refunded !== undefined,
    );
    await stack.quiet('RefundsQueueUrl');
    // Three events came, however often, and none of what was refused. Two of them say that the money is back: no
    // counter hangs on a key, each that acts adds one.
    const published = (await rows(stack, stack.output('OutboxTableName'))).filter(
      (one) =>
        String(one['stream']).startsWith('["provider-events"') && JSON.stringify(one).includes(refundId),
    );
    expect(published).toHaveLength(3);
    expect(await refundRow(stack, refundId)).toMatchObject({ cents: 177, customer, settlements: 1 });
    expect(await accountRow(stack, customer)).toMatchObject({ balance: -1000, payments: 1, refunds: 1 });
  });
}

/** Delivers as Stripe does, signed by its own package. */
class Provider {
  private constructor(
    private readonly url: string,
    private readonly secret: string,
  ) {}

  static async of(stack: DeployedStack): Promise<Provider> {
    const client = new SecretsManagerClient(stack.target.client);
    const { SecretString = '' } = await client.send(
      new GetSecretValueCommand({ SecretId: stack.output('ProviderSecretArn') }),
    );
    client.destroy();
    return new Provider(stack.target.httpUrl(stack.output('ProviderEventsUrl')), SecretString);
  }

  /** @returns the status */
  async deliver(
    event: object,
    {
      source = 'stripe',
      secret = this.secret,
      timestamp = Math.floor(Date.now() / 1000),
    }: { source?: string; secret?: string; timestamp?: number } = {},
  ): Promise<number> {
    const payload = JSON.stringify(event);
    const answer = await eventually(
      'an answer',
      async () => {
        const response = await fetch(`${this.url}/${source}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'stripe-signature': stripeHeader({ payload, secret, timestamp }),
          },
          body: payload,
        });
        return { status: response.status, said: await response.text() };
      },
      // A function that did not start in time is asked again, as Stripe does.
      ({ status }) => status < 500,
    );
    return answer.status;
  }
}

async function refundRow(
  stack: DeployedStack,
  refundId: string,
): Promise<Record<string, unknown> | undefined> {
  return row(stack, stack.output('RefundsTableName'), { refundId: { S: refundId } });
}
