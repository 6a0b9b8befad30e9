import { MalformedEvent } from '../errors.js';
import { jsonOf } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { bodyIdentity, hmac, isSignature } from '../signature.js';

/**
 * GitHub: `X-Hub-Signature-256` covers the body only. Neither the delivery's id nor its event nor a time is signed,
 * so an event is its body under the name of its event: two that are the same to the byte are one.
 *
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 * @see https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
 */
export function github(): WebhookScheme {
  return {
    name: 'github',
    signs: ['body'],
    horizonSeconds: 3 * 24 * 3600,
    verify: ({ headers, body }, secrets) =>
      secrets.some((secret) => {
        const wanted = hmac('sha256', secret, body);
        return isSignature(headers['x-hub-signature-256']?.replace(/^sha256=/, ''), 'hex', wanted);
      }),
    events({ headers, body }, content) {
      const type = headers['x-github-event'] ?? '';
      if (!/^[a-z0-9_]{1,64}$/.test(type)) throw new MalformedEvent('X-GitHub-Event names no event');
      const data = content.isForm ? jsonOf(Buffer.from(content.form().get('payload') ?? '')) : content.json();
      return [{ identity: [type, bodyIdentity(body)], senderId: headers['x-github-delivery'], type, data }];
    },
  };
}
