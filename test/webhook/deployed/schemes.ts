import {
  adyen,
  github,
  shopify,
  slack,
  square,
  standardWebhooks,
  stripe,
  twilio,
  zoom,
  type WebhookScheme,
} from '../../../runtime/webhook/index.js';

/** Sources of the deployed receiver, as the senders of these tests sign. PayPal's keys are on a host of PayPal's. */
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
} as const satisfies Record<string, WebhookScheme>;

export type SourceName = keyof typeof schemes;
