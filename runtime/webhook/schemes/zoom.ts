import { objectIn, textIn } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { bodyIdentity, hmac, isSignature, secondsOf } from '../signature.js';

/**
 * Zoom: `x-zm-signature` covers time and body. There is no id: an event is its body, which has the time of the event.
 * Zoom asks again every 72 hours whether the endpoint knows the secret.
 *
 * @see https://developers.zoom.us/docs/api/webhooks/
 */
export function zoom(): WebhookScheme {
  return {
    name: 'zoom',
    signs: ['time', 'body'],
    horizonSeconds: 24 * 3600,
    verify({ headers, body }, secrets) {
      const time = headers['x-zm-request-timestamp'];
      if (time === undefined) return false;
      return secrets.some((secret) => {
        const wanted = hmac('sha256', secret, `v0:${time}:`, body);
        return isSignature(headers['x-zm-signature']?.replace(/^v0=/, ''), 'hex', wanted);
      });
    },
    signedAt: ({ headers }) => secondsOf(headers['x-zm-request-timestamp']),
    handshake(content, secrets) {
      const { event, payload } = content.object();
      if (event !== 'endpoint.url_validation') return undefined;
      const plainToken = textIn(objectIn(payload, "member 'payload'"), 'plainToken');
      const [secret = ''] = secrets;
      const encryptedToken = Buffer.from(hmac('sha256', secret, plainToken)).toString('hex');
      return { status: 200, body: { plainToken, encryptedToken } };
    },
    events({ body }, content) {
      const data = content.object();
      return [{ identity: [bodyIdentity(body)], type: textIn(data, 'event'), data }];
    },
  };
}
