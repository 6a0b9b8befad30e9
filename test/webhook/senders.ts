/**
 * Senders, played by their own packages where they have one: what they sign is not what this library thinks that they
 * sign. Where there is none the signature is made here from the sender's page, apart from the library's code.
 */
import { createHmac, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import {
  adyen,
  fixedSecrets,
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
} from '../../runtime/webhook/index.js';
import type { Delivery } from './delivery.js';
import { stripeHeader, twilioHash, twilioSignature } from './sender-packages.js';

export interface Sender {
  readonly scheme: WebhookScheme;
  readonly secret: string;
  /** Signs an event of that name at a time, as a first or another delivery. */
  deliver(
    name: string,
    options?: { readonly at?: Date; readonly secret?: string },
  ): Promise<Delivery> | Delivery;
  /** The bytes of the body are not signed as a whole, and the signature is among them. */
  readonly signsFields?: boolean;
  /** No time is signed: nothing can be too old. */
  readonly timeless?: boolean;
  /** What its host shows for the signatures to be checked with, as PEM. */
  readonly certificate?: string;
}

const now = () => new Date();
const seconds = (at: Date) => Math.floor(at.getTime() / 1000);
const hex = (key: string, text: string) => createHmac('sha256', key).update(text).digest('hex');
const base64 = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest('base64');

const whsec = () => `whsec_${randomBytes(32).toString('base64')}`;

function standard(): Sender {
  const secret = whsec();
  return {
    scheme: standardWebhooks(),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const body = JSON.stringify({ type: 'order.paid', name });
      const id = `msg_${name}`;
      return {
        headers: {
          'webhook-id': id,
          'webhook-timestamp': String(seconds(at)),
          'webhook-signature': `v1,${randomBytes(32).toString('base64')} ${new Webhook(other).sign(id, at, body)}`,
        },
        body,
      };
    },
  };
}

function svix(): Sender {
  const secret = whsec();
  return {
    scheme: standardWebhooks({ prefix: 'svix' }),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const body = JSON.stringify({ type: 'order.paid', name });
      return {
        headers: {
          'svix-id': name,
          'svix-timestamp': String(seconds(at)),
          'svix-signature': new SvixWebhook(other).sign(name, at, body),
        },
        body,
      };
    },
  };
}

/** No package signs `v1a`: node does. */
function ed25519(): Sender {
  const pairs = new Map<string, ReturnType<typeof generateKeyPairSync>['privateKey']>();
  const newKey = () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const text = `whpk_${raw.toString('base64')}`;
    pairs.set(text, privateKey);
    return text;
  };
  const secret = newKey();
  return {
    scheme: standardWebhooks(),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const privateKey = pairs.get(other) ?? pairs.get(newKey());
      if (privateKey === undefined) throw new TypeError('there is no key');
      const body = JSON.stringify({ type: 'order.paid', name });
      const signed = Buffer.from(`${name}.${seconds(at)}.${body}`);
      return {
        headers: {
          'webhook-id': name,
          'webhook-timestamp': String(seconds(at)),
          'webhook-signature': `v1a,${sign(null, signed, privateKey).toString('base64')}`,
        },
        body,
      };
    },
  };
}

function stripeSender(thin: boolean): Sender {
  const secret = whsec();
  return {
    scheme: stripe(),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      // Stripe counts in the body how many deliveries are open: a copy is not the same bytes.
      const event = thin
        ? { object: 'v2.core.event', type: 'v1.billing.meter.no_meter_found', related_object: { id: 'm_1' } }
        : { object: 'event', type: 'invoice.paid', pending_webhooks: Math.floor(Math.random() * 9) };
      const payload = JSON.stringify({ id: `evt_${name}`, name, ...event });
      const header = stripeHeader({ payload, secret: other, timestamp: seconds(at) });
      return { headers: { 'Stripe-Signature': header }, body: payload };
    },
  };
}

function githubSender(): Sender {
  const secret = randomUUID();
  return {
    scheme: github(),
    secret,
    timeless: true,
    deliver(name, { secret: other = secret } = {}) {
      const body = JSON.stringify({ action: 'opened', name });
      return {
        headers: {
          'X-GitHub-Delivery': randomUUID(),
          'X-GitHub-Event': 'issues',
          'X-Hub-Signature-256': `sha256=${hex(other, body)}`,
        },
        body,
      };
    },
  };
}

function shopifySender(): Sender {
  const secret = randomUUID();
  return {
    scheme: shopify(),
    secret,
    timeless: true,
    deliver(name, { secret: other = secret } = {}) {
      const body = JSON.stringify({ id: 1, name });
      return {
        headers: {
          'X-Shopify-Topic': 'orders/create',
          'X-Shopify-Webhook-Id': randomUUID(),
          'X-Shopify-Hmac-SHA256': base64(other, body),
        },
        body,
      };
    },
  };
}

function slackSender(): Sender {
  const secret = randomUUID();
  return {
    scheme: slack(),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const body = JSON.stringify({
        type: 'event_callback',
        event_id: `Ev${name}`,
        name,
        event: { type: 'message' },
      });
      return {
        headers: {
          'X-Slack-Request-Timestamp': String(seconds(at)),
          'X-Slack-Signature': `v0=${hex(other, `v0:${seconds(at)}:${body}`)}`,
        },
        body,
      };
    },
  };
}

function zoomSender(): Sender {
  const secret = randomUUID();
  return {
    scheme: zoom(),
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const body = JSON.stringify({ event: 'meeting.started', event_ts: 1_700_000_000_000, name });
      return {
        headers: {
          'x-zm-request-timestamp': String(seconds(at)),
          'x-zm-signature': `v0=${hex(other, `v0:${seconds(at)}:${body}`)}`,
        },
        body,
      };
    },
  };
}

function squareSender(): Sender {
  const secret = randomUUID();
  const url = 'https://hooks.example/webhooks/square';
  return {
    scheme: square({ url }),
    secret,
    timeless: true,
    deliver(name, { secret: other = secret } = {}) {
      const body = JSON.stringify({ event_id: name, type: 'payment.created', name });
      return { headers: { 'x-square-hmacsha256-signature': base64(other, url + body) }, body };
    },
  };
}

function twilioSender(json: boolean): Sender {
  const secret = randomUUID();
  const url = 'https://hooks.example/webhooks/twilio';
  return {
    scheme: twilio({ url }),
    secret,
    timeless: true,
    deliver(name, { secret: other = secret } = {}): Delivery {
      if (json) {
        const body = JSON.stringify({ name });
        const query = `bodySHA256=${twilioHash(body)}`;
        const signature = twilioSignature(other, `${url}?${query}`, {});
        return { headers: { 'X-Twilio-Signature': signature }, body, query };
      }
      const fields = { MessageSid: `SM${name}`, MessageStatus: 'delivered', To: '+41 79 000', name };
      return {
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'X-Twilio-Signature': twilioSignature(other, url, fields),
          'I-Twilio-Idempotency-Token': randomUUID(),
        },
        body: new URLSearchParams(fields).toString(),
      };
    },
  };
}

function adyenSender(): Sender {
  const secret = randomBytes(32).toString('hex');
  return {
    scheme: adyen(),
    secret,
    timeless: true,
    signsFields: true,
    deliver: (name, { secret: other = secret } = {}) => ({
      headers: {},
      body: JSON.stringify({ live: 'false', notificationItems: [adyenItem(name, other)] }),
    }),
  };
}

export function adyenItem(name: string, secret: string) {
  const fields = ['7914073381342284', '', 'TestMerchant', name, '1130', 'EUR', 'AUTHORISATION', 'true'];
  const hmacSignature = base64(Buffer.from(secret, 'hex'), fields.join(':'));
  return {
    NotificationRequestItem: {
      name,
      pspReference: fields[0],
      merchantAccountCode: fields[2],
      merchantReference: name,
      amount: { value: 1130, currency: 'EUR' },
      eventCode: 'AUTHORISATION',
      success: 'true',
      additionalData: { hmacSignature },
    },
  };
}

/** The secret is the webhook's id; the key is PayPal's, and somebody else's key for another secret. */
function paypalSender(): Sender {
  const secret = randomBytes(8).toString('hex').toUpperCase();
  const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [theirs, another] = [rsa(), rsa()];
  const pem = theirs.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return {
    scheme: paypal({ certificate: () => Promise.resolve(pem) }),
    certificate: pem,
    secret,
    deliver(name, { at = now(), secret: other = secret } = {}) {
      const body = JSON.stringify({ id: `WH-${name}`, event_type: 'PAYMENT.SALE.COMPLETED', name });
      const [id, time] = [randomUUID(), at.toISOString()];
      const signed = Buffer.from(`${id}|${time}|${secret}|${crc32(body)}`);
      const { privateKey } = other === secret ? theirs : another;
      return {
        headers: {
          'PAYPAL-TRANSMISSION-ID': id,
          'PAYPAL-TRANSMISSION-TIME': time,
          'PAYPAL-CERT-URL': 'https://api.paypal.com/v1/notifications/certs/CERT-1',
          'PAYPAL-AUTH-ALGO': 'SHA256withRSA',
          'PAYPAL-TRANSMISSION-SIG': sign('sha256', signed, privateKey).toString('base64'),
        },
        body,
      };
    },
  };
}

export const senders: Readonly<Record<string, () => Sender>> = {
  'Standard Webhooks (standardwebhooks)': standard,
  'Svix (svix)': svix,
  'Standard Webhooks, ed25519': ed25519,
  'Stripe (stripe), snapshot': () => stripeSender(false),
  'Stripe (stripe), thin': () => stripeSender(true),
  GitHub: githubSender,
  Shopify: shopifySender,
  Slack: slackSender,
  Zoom: zoomSender,
  Square: squareSender,
  'Twilio (twilio), form': () => twilioSender(false),
  'Twilio (twilio), JSON': () => twilioSender(true),
  Adyen: adyenSender,
  PayPal: paypalSender,
};

/** The headers of a body that one of them would send now. */
export function signedBy(
  scheme: 'stripe' | 'slack' | 'zoom',
  secret: string,
  body: string,
): Record<string, string> {
  const time = String(seconds(now()));
  if (scheme === 'stripe')
    return { 'stripe-signature': `t=${time},v0=ab,v1=${hex(secret, `${time}.${body}`)}` };
  const signature = `v0=${hex(secret, `v0:${time}:${body}`)}`;
  return scheme === 'slack'
    ? { 'x-slack-request-timestamp': time, 'x-slack-signature': signature }
    : { 'x-zm-request-timestamp': time, 'x-zm-signature': signature };
}

export const sourceOf = ({ scheme, secret }: Sender) => ({ scheme, secrets: fixedSecrets(secret) });
