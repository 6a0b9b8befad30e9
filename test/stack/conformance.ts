import type { CheckResult } from '../../cli/conformance/check.js';
import { checks, runChecks } from '../../cli/conformance/suite.js';
import { Subject } from '../../cli/conformance/subject.js';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { accountRow, newCustomer, payment, paymentsUrl, rows } from './traffic.js';

export function apiConforms(stack: DeployedStack): void {
  heldTest(
    'the API passes the checks of the Idempotency-Key draft, and settles what it accepted',
    async () => {
      const customer = newCustomer();
      const body = (cents: number) => JSON.stringify({ ...payment(customer, cents), paymentId: undefined });
      const { credentials } = stack.target.client;
      const results = await runChecks(
        new Subject({
          url: paymentsUrl(stack),
          method: 'POST',
          headers: [['Content-Type', 'application/json']],
          body: body(1),
          otherBody: body(2),
          signer: {
            region: stack.target.region,
            ...(typeof credentials === 'function' ? await credentials() : credentials),
          },
          timeoutMs: 30_000,
        }),
      );
      const those = (wanted: CheckResult['result']) =>
        results.filter(({ result }) => result === wanted).map(({ id, detail }) => `${id}: ${detail ?? ''}`);
      expect(those('fail')).toEqual([]);
      // It takes a second caller.
      expect(those('skip')).toEqual([expect.stringMatching(/^callers-apart: /)]);
      expect(results).toHaveLength(checks.length);

      const accepted = (await rows(stack, stack.output('AcceptedTableName'))).filter(
        (row) => row['customer'] === customer,
      );
      const settled = async () => (await accountRow(stack, customer))?.['payments'];
      await eventually('all settlements', settled, (payments) => Number(payments) >= accepted.length);
      await stack.quiet('PaymentsQueueUrl');
      expect(await settled()).toBe(accepted.length);
    },
  );
}
