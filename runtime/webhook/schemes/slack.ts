import { maybeTextIn, objectIn } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { bodyIdentity, hmac, isSignature, secondsOf } from '../signature.js';

/**
 * Slack: events, commands and interactions. `X-Slack-Signature` covers time and body. An event has its id in the
 * body; a form has none, and is its bytes, in which Slack puts a trigger id.
 *
 * @see https://api.slack.com/authentication/verifying-requests-from-slack
 * @see https://api.slack.com/events/url_verification
 */
export function slack(): WebhookScheme {
  return {
    name: 'slack',
    signs: ['id', 'time', 'body'],
    horizonSeconds: 24 * 3600,
    verify({ headers, body }, secrets) {
      const time = headers['x-slack-request-timestamp'];
      if (time === undefined) return false;
      return secrets.some((secret) => {
        const wanted = hmac('sha256', secret, `v0:${time}:`, body);
        return isSignature(headers['x-slack-signature']?.replace(/^v0=/, ''), 'hex', wanted);
      });
    },
    signedAt: ({ headers }) => secondsOf(headers['x-slack-request-timestamp']),
    handshake(content) {
      if (content.isForm) return undefined;
      const { type, challenge } = content.object();
      if (type !== 'url_verification' || typeof challenge !== 'string') return undefined;
      return { status: 200, body: { challenge } };
    },
    events({ body }, content) {
      if (content.isForm) {
        const data = Object.fromEntries(content.form());
        return [{ identity: ['form', bodyIdentity(body)], type: data.command ?? 'interaction', data }];
      }
      const data = content.object();
      const id = maybeTextIn(data, 'event_id');
      const type =
        data.event === undefined ? '' : maybeTextIn(objectIn(data.event, "member 'event'"), 'type');
      return [
        {
          identity: id === '' ? ['body', bodyIdentity(body)] : ['event', id],
          senderId: id || undefined,
          type: type || maybeTextIn(data, 'type'),
          data,
        },
      ];
    },
  };
}
