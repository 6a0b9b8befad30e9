import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { WebhookRegistry, webhookSenderSettings } from '../../runtime/webhook/sender/index.js';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { subscriberTest } from './subscriber.js';
import { newCustomer, pay, payment } from './traffic.js';

export function subscribersAreTold(stack: DeployedStack): void {
  heldTest(subscriberTest, async () => {
    const { subscriber } = stack;
    const [customer, another] = [newCustomer(), newCustomer()];
    const registry = await registryOf(stack);
    const { secrets } = await registry.create(customer, { url: subscriber.url, types: ['PaymentSettled'] });
    subscriber.trust(secrets[0]?.secret);
    const bought = [payment(customer, 100), payment(customer, 200)];
    const elsewhere = payment(another, 300);
    for (const one of [...bought, elsewhere]) expect((await pay(stack, one)).status).toBe(202);
    await eventually(
      'both payments, each a second time',
      () => Promise.resolve(subscriber.arrivals),
      (arrivals) => arrivals.length >= 2 && arrivals.every((times) => times >= 2),
    );
    const acts = [...bought, elsewhere].map(({ paymentId }) => subscriber.acts('PaymentSettled', paymentId));
    expect(acts).toEqual([1, 1, 0]);
    expect(subscriber.arrivals).toHaveLength(2);
  });
}

/** What a function of the customer's own would have of `addOperator`. */
async function registryOf(stack: DeployedStack): Promise<WebhookRegistry> {
  const lambda = new LambdaClient(stack.target.client);
  const { Environment } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: stack.output('SubscriberWorkerFunctionName') }),
  );
  lambda.destroy();
  return new WebhookRegistry({
    settings: webhookSenderSettings(Environment?.Variables ?? {}),
    ...{ dynamodb: stack.dynamo, sqs: stack.sqs, allowHttp: true, allowedRanges: ['127.0.0.0/8'] },
  });
}
