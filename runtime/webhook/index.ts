export { webhookReceiver } from './webhook-receiver.js';
export type {
  ReceivedEvent,
  ReceiverOptions,
  StateOf,
  WebhookReceiverOptions,
  WebhookSource,
} from './options.js';
export type { WebhookRequest } from './request.js';
export type { SentEvent, WebhookScheme } from './scheme.js';
export { Content } from './content.js';
export { MalformedEvent, NoRelatedObject } from './errors.js';
export { fetchLatest, type RelatedObject } from './fetch-latest.js';
export { bodyIdentity, hmac, isSignature } from './signature.js';
export {
  fixedSecrets,
  secretsManager,
  type EndingSecret,
  type SecretsManagerOptions,
  type SecretSource,
} from './secrets.js';
export { webhookSettings, type ReceiverSettings, type WebhookSettings } from './settings.js';
export { logDelivery, type DeliveryOutcome, type DeliverySummary } from './summary.js';
export { adyen } from './schemes/adyen.js';
export { github } from './schemes/github.js';
export { paypal, type PaypalOptions } from './schemes/paypal.js';
export { shopify } from './schemes/shopify.js';
export { slack } from './schemes/slack.js';
export { square, type SquareOptions } from './schemes/square.js';
export { standardWebhooks, type StandardWebhooksOptions } from './schemes/standard-webhooks.js';
export { stripe } from './schemes/stripe.js';
export { twilio, type TwilioOptions } from './schemes/twilio.js';
export { zoom } from './schemes/zoom.js';
