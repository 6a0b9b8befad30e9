import {
  adyen,
  github,
  paypal,
  shopify,
  slack,
  square,
  standardWebhooks,
  stripe,
  twilio,
  zoom,
  type WebhookScheme,
} from '../../../runtime/webhook/index.js';

/** What PayPal's host would show is on one of this machine. */
const standIn = (url: string, init: RequestInit) =>
  fetch(new URL(new URL(url).pathname, process.env.CERTIFICATES_URL), init);

/** Sources of the deployed receiver, as the senders of these tests sign. */
export const schemes = {
  standard: standardWebhooks(),
  svix: standardWebhooks({ prefix: 'svix' }),
  ed25519: standardWebhooks(),
  stripe: stripe(),
  'stripe-thin': stripe(),
  github: github(),
  'github-examples': github(),
  shopify: shopify(),
  slack: slack(),
  zoom: zoom(),
  square: square({ url: 'https://hooks.example/webhooks/square' }),
  'twilio-form': twilio({ url: 'https://hooks.example/webhooks/twilio' }),
  'twilio-json': twilio({ url: 'https://hooks.example/webhooks/twilio' }),
  adyen: adyen(),
  paypal: paypal({ fetch: standIn }),
} as const satisfies Record<string, WebhookScheme>;

export type SourceName = keyof typeof schemes;
