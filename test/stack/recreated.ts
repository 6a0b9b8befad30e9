import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { DeployedStack } from './deployed-stack.js';
import { heldTest } from './held-test.js';
import { accountRow, enqueue, newCustomer, payment, paymentRow, settled } from './traffic.js';

/** Attributes that SQS reports but does not take. */
const readOnly = /^(QueueArn|Approximate|CreatedTimestamp|LastModifiedTimestamp)/;

export function queueIsRecreated(stack: DeployedStack): void {
  heldTest(
    'a queue is deleted and made again under its name, the receipts stay: nothing is lost',
    async () => {
      const customer = newCustomer();
      const old = [payment(customer, 100), payment(customer, 200)];
      await enqueue(stack, customer, old);
      await settled(stack, customer);

      await stack.pause();
      await recreate(stack, stack.output('PaymentsQueueUrl'));
      // The new queue counts its messages from the beginning: these have the numbers of others that acted long ago.
      const fresh = [payment(customer, 400), payment(customer, 800)];
      await enqueue(stack, customer, [...old, ...fresh]);
      await stack.resume();

      await settled(stack, customer);
      for (const { paymentId } of [...old, ...fresh])
        expect(await paymentRow(stack, paymentId)).toMatchObject({ settlements: 1 });
      expect(await accountRow(stack, customer)).toMatchObject({ balance: -1502, payments: 6 });
    },
  );
}

async function recreate(stack: DeployedStack, QueueUrl: string): Promise<void> {
  const { Attributes = {} } = await stack.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  await stack.sqs.send(new DeleteQueueCommand({ QueueUrl }));
  await stack.sqs.send(
    new CreateQueueCommand({
      QueueName: new URL(QueueUrl).pathname.split('/').at(-1),
      Attributes: Object.fromEntries(Object.entries(Attributes).filter(([name]) => !readOnly.test(name))),
    }),
  );
}
