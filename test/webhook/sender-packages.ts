/**
 * What is needed of the packages of Stripe and Twilio. Their types describe all of their APIs, and take the linter
 * more memory than everything else here.
 */
import { createRequire } from 'node:module';

const load = createRequire(__filename);

interface StripeApi {
  readonly webhooks: {
    generateTestHeaderString(order: {
      readonly payload: string;
      readonly secret: string;
      readonly timestamp: number;
    }): string;
  };
}
const Stripe = load('stripe') as new (key: string) => StripeApi;
const stripe = new Stripe('sk_test_x');
/** `Stripe-Signature`. */
export const stripeHeader: StripeApi['webhooks']['generateTestHeaderString'] = (order) =>
  stripe.webhooks.generateTestHeaderString(order);

interface TwilioWebhooks {
  getExpectedBodyHash(body: string): string;
  getExpectedTwilioSignature(token: string, url: string, fields: Readonly<Record<string, string>>): string;
}
const webhooks = load('twilio/lib/webhooks/webhooks') as TwilioWebhooks;
/** `bodySHA256`. */
export const twilioHash = (body: string) => webhooks.getExpectedBodyHash(body);
/** `X-Twilio-Signature`. */
export const twilioSignature: TwilioWebhooks['getExpectedTwilioSignature'] = (token, url, fields) =>
  webhooks.getExpectedTwilioSignature(token, url, fields);
