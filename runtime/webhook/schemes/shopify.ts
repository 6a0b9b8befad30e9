import { MalformedEvent } from '../errors.js';
import type { WebhookScheme } from '../scheme.js';
import { bodyIdentity, hmac, isSignature } from '../signature.js';

/**
 * Shopify: `X-Shopify-Hmac-SHA256` covers the body only. Several topics send the same body (`orders/create` and
 * `orders/updated`), so the topic is part of what an event is; neither it nor the ids in headers are signed.
 *
 * @see https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 */
export function shopify(): WebhookScheme {
  return {
    name: 'shopify',
    signs: ['body'],
    horizonSeconds: 2 * 24 * 3600,
    verify: ({ headers, body }, secrets) =>
      secrets.some((secret) =>
        isSignature(headers['x-shopify-hmac-sha256'], 'base64', hmac('sha256', secret, body)),
      ),
    events({ headers, body }, content) {
      const type = headers['x-shopify-topic'] ?? '';
      if (!/^[a-z0-9_/]{1,64}$/.test(type)) throw new MalformedEvent('X-Shopify-Topic names no topic');
      const senderId = headers['x-shopify-event-id'] ?? headers['x-shopify-webhook-id'];
      return [{ identity: [type, bodyIdentity(body)], senderId, type, data: content.json() }];
    },
  };
}
