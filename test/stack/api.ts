import type { Credentials } from '../../targets/target.js';
import type { DeployedStack } from './deployed-stack.js';
import { heldTest } from './held-test.js';
import { accountRow, newCustomer, payment, paymentRow, post, settled } from './traffic.js';

export function apiRefusals(stack: DeployedStack): void {
  heldTest(
    'requests that can never be processed are answered with 400 and the reason, and have no effect',
    async () => {
      const customer = newCustomer();
      const { paymentId, ...good } = payment(customer, 100);
      const key = { 'idempotency-key': paymentId };
      const requests: [kind: string, detail: RegExp, headers: Record<string, string>, body: unknown][] = [
        ['key-missing', /Idempotency-Key/, {}, good],
        ['key-malformed', /1 to 255 characters, got 256/, { 'idempotency-key': 'k'.repeat(256) }, good],
        ['body-invalid', /JSON/, key, 'no JSON'],
        ['body-invalid', /cents/, key, { ...good, cents: -1 }],
        ['body-invalid', /purchasedOn/, key, { ...good, purchasedOn: '1.1.97' }],
        ['body-invalid', /customer/, key, { ...good, customer: 'a b' }],
      ];
      for (const [kind, detail, headers, body] of requests) {
        const answer = await post(stack, {
          headers,
          body: typeof body === 'string' ? body : JSON.stringify(body),
        });
        expect(answer.headers.get('content-type')).toMatch('application/problem+json');
        expect({ status: answer.status, problem: await answer.json() }).toMatchObject({
          status: 400,
          problem: {
            type: `urn:exactly-once-aws:problem:${kind}`,
            title: expect.any(String),
            status: 400,
            detail: expect.stringMatching(detail),
          },
        });
      }
      await settled(stack, customer);
      expect(await paymentRow(stack, paymentId)).toBeUndefined();
      expect(await accountRow(stack, customer)).toMatchObject({ balance: -1, payments: 1 });
    },
  );

  heldTest('a request without a signature is refused', async () => {
    expect((await signedWith(stack, 'nothing')).status).toBe(403);
  });

  heldTest('a request signed with keys that nobody was given is refused', async () => {
    const unknown = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'unknown' };
    expect((await signedWith(stack, unknown)).status).toBe(403);
  });
}

async function signedWith(stack: DeployedStack, credentials: Credentials | 'nothing'): Promise<Response> {
  const { paymentId, ...body } = payment(newCustomer(), 100);
  return post(stack, {
    headers: { 'idempotency-key': paymentId },
    body: JSON.stringify(body),
    credentials,
  });
}
