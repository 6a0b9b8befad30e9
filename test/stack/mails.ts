import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { mailTest } from './mail-provider.js';
import { newCustomer, pay, payment, published, row, rows } from './traffic.js';

export function mailsAreSentOnce(stack: DeployedStack): void {
  heldTest(mailTest, async () => {
    const { mailProvider } = stack;
    const customer = newCustomer();
    const [answered, unanswered] = [payment(customer, 100), payment(customer, 200)];
    mailProvider.resetAfter(unanswered.paymentId);
    for (const one of [answered, unanswered]) expect((await pay(stack, one)).status).toBe(202);
    for (const { paymentId } of [answered, unanswered])
      await eventually(
        'the mail',
        () => mailRow(stack, paymentId),
        (mail) => mail !== undefined,
      );
    // Otherwise nothing was shown.
    expect(mailProvider.called(unanswered.paymentId)).toBeGreaterThan(1);

    const calls = mailProvider.called(answered.paymentId);
    const event = (await published(stack, 'customer', customer)).find((text) =>
      text.includes(answered.paymentId),
    );
    const QueueUrl = stack.output('ReceiptMailsQueueUrl');
    for (let copy = 0; copy < 2; copy += 1)
      await stack.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: event }));
    await stack.quiet('ReceiptMailsQueueUrl');
    expect(mailProvider.called(answered.paymentId)).toBe(calls);

    // Those of the tests before, too. `sent` hangs on no key: a mail that is noted twice shows.
    const settled = await rows(stack, stack.output('PaymentsTableName'));
    expect(settled.length).toBeGreaterThan(2);
    for (const { paymentId } of settled as { paymentId: string }[])
      expect({
        ...{ paymentId, executed: mailProvider.sent(paymentId) },
        noted: (await mailRow(stack, paymentId))?.['sent'],
      }).toEqual({ paymentId, executed: 1, noted: 1 });
  });
}

async function mailRow(
  stack: DeployedStack,
  paymentId: string,
): Promise<Record<string, unknown> | undefined> {
  return row(stack, stack.output('MailsTableName'), { paymentId: { S: paymentId } });
}
