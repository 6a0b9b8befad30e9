import { textIn } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { hmac, isSignature } from '../signature.js';

export interface SquareOptions {
  /** The address of the subscription, to the letter: it is part of what Square signs. */
  readonly url: string;
}

/**
 * Square: `x-square-hmacsha256-signature` covers the address and the body, in which the id is. No time is signed.
 *
 * @see https://developer.squareup.com/docs/webhooks/step3validate
 */
export function square({ url }: SquareOptions): WebhookScheme {
  return {
    name: 'square',
    signs: ['id', 'url', 'body'],
    horizonSeconds: 24 * 3600,
    verify: ({ headers, body }, secrets) =>
      secrets.some((secret) =>
        isSignature(headers['x-square-hmacsha256-signature'], 'base64', hmac('sha256', secret, url, body)),
      ),
    events(_, content) {
      const data = content.object();
      const id = textIn(data, 'event_id');
      return [{ identity: [id], senderId: id, type: textIn(data, 'type'), data }];
    },
  };
}
