import * as z from 'zod/mini';
import { consumerSettings } from '../../runtime/sqs/index.js';
import { webhookIntake, webhookSenderSettings } from '../../runtime/webhook/sender/index.js';

const Subscribed = z.object({ customer: z.string() });

/** Gives what happens with the payments of a customer to the endpoints that this customer has registered. */
export const handler = webhookIntake({
  settings: webhookSenderSettings(process.env),
  consumer: consumerSettings(process.env),
  tenantOf: ({ data }) => Subscribed.safeParse(data).data?.customer,
});
