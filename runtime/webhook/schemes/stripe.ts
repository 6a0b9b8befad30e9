import { textIn } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { hmac, isSignature, listed, secondsOf } from '../signature.js';

/**
 * Stripe, snapshot and thin events: `Stripe-Signature: t=...,v1=...` covers time and body, the id is in the body.
 *
 * @see https://docs.stripe.com/webhooks/signature
 * @see https://docs.stripe.com/webhooks/process-undelivered-events
 */
export function stripe(): WebhookScheme {
  return {
    name: 'stripe',
    signs: ['id', 'time', 'body'],
    horizonSeconds: 30 * 24 * 3600,
    verify({ headers, body }, secrets) {
      const header = headers['stripe-signature'];
      const [time] = listed(header, 't');
      if (time === undefined) return false;
      return secrets.some((secret) => {
        const wanted = hmac('sha256', secret, `${time}.`, body);
        return listed(header, 'v1').some((signature) => isSignature(signature, 'hex', wanted));
      });
    },
    signedAt: ({ headers }) => secondsOf(listed(headers['stripe-signature'], 't')[0]),
    events(_, content) {
      const data = content.object();
      const id = textIn(data, 'id');
      return [{ identity: [id], senderId: id, type: textIn(data, 'type'), data }];
    },
  };
}
