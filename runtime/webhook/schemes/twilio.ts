import { createHash, timingSafeEqual } from 'node:crypto';
import type { WebhookRequest } from '../request.js';
import type { WebhookScheme } from '../scheme.js';
import { bodyIdentity, hmac, isSignature, listed } from '../signature.js';

export interface TwilioOptions {
  /** The address that Twilio was given, without a query: it is part of what Twilio signs. */
  readonly url: string;
}

/**
 * Twilio: `X-Twilio-Signature` covers the address with its query and the sorted fields of the form; of JSON it covers
 * the hash in `bodySHA256`. No time is signed. A message has one event per status, so an event is all its fields.
 *
 * @see https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export function twilio({ url }: TwilioOptions): WebhookScheme {
  return {
    name: 'twilio',
    signs: ['url', 'fields'],
    horizonSeconds: 24 * 3600,
    verify(request, secrets) {
      const { headers, body, query } = request;
      const algorithm = algorithmOf(headers['x-twilio-webhooks-signature-settings']);
      if (algorithm === undefined) return false;
      const hash = new URLSearchParams(query).get('bodySHA256');
      if (hash !== null && !isHashOf(body, hash)) return false;
      // Of what is no form, nothing is signed but its hash: else any body would do for a signed address.
      if (hash === null && body.byteLength > 0 && !isForm(request)) return false;
      const fields = hash === null ? sortedFields(request) : '';
      return queriesOf(query)
        .flatMap((asked) => addressesOf(url, asked))
        .some((address) =>
          secrets.some((secret) =>
            isSignature(headers['x-twilio-signature'], 'base64', hmac(algorithm, secret, address, fields)),
          ),
        );
    },
    events(request, content) {
      const data = content.isForm ? Object.fromEntries(content.form()) : content.json();
      const fields = content.isForm ? Buffer.from(sortedFields(request)) : request.body;
      const { MessageStatus, CallStatus, SmsStatus } = Object(data) as Record<string, unknown>;
      const type = [MessageStatus, CallStatus, SmsStatus].find((status) => typeof status === 'string');
      return [
        {
          identity: [request.query, bodyIdentity(fields)],
          senderId: request.headers['i-twilio-idempotency-token'],
          type: type ?? '',
          data,
        },
      ];
    },
    // An empty answer of TwiML: anything else is read as instructions.
    reply: { status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response></Response>' },
  };
}

function algorithmOf(settings: string | undefined): 'sha1' | 'sha256' | undefined {
  const [name = 'HMAC_SHA1'] = listed(settings, 'algorithm');
  return ({ HMAC_SHA1: 'sha1', HMAC_SHA256: 'sha256' } as const)[name.toUpperCase()];
}

/** Twilio signs the address with or without its port. */
function addressesOf(url: string, query: string): string[] {
  const asked = query === '' ? '' : `?${query}`;
  const [, origin = '', path = ''] = /^(https:\/\/[^/:?#]+)(?::443)?(.*)$/.exec(url) ?? [];
  return origin === '' ? [url + asked] : [origin + path + asked, `${origin}:443${path}${asked}`];
}

/**
 * The query as it came, and as `encodeURIComponent` writes it: a REST API tells its values and not its text, so of a
 * blank nobody knows any more whether it was `%20` or `+`. It says the same either way.
 */
function queriesOf(query: string): string[] {
  const parts = [...new URLSearchParams(query)].map((pair) => pair.map(encodeURIComponent).join('='));
  return [...new Set([query, parts.join('&')])];
}

function isForm({ headers }: WebhookRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
}

function sortedFields(request: WebhookRequest): string {
  if (!isForm(request)) return '';
  const form = new URLSearchParams(Buffer.from(request.body).toString());
  const names = [...new Set(form.keys())].sort();
  return names
    .map((name) =>
      [...new Set(form.getAll(name))]
        .sort()
        .map((value) => name + value)
        .join(''),
    )
    .join('');
}

function isHashOf(body: Uint8Array, hash: string): boolean {
  const wanted = Buffer.from(createHash('sha256').update(body).digest('hex'));
  const given = Buffer.from(hash);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
