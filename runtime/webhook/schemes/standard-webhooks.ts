import { createPublicKey, verify } from 'node:crypto';
import { maybeTextIn } from '../content.js';
import type { WebhookScheme } from '../scheme.js';
import { hmac, isSignature, keyOf, secondsOf } from '../signature.js';

export interface StandardWebhooksOptions {
  /** What headers begin with. Svix and who builds on it: `svix`. @default 'webhook' */
  readonly prefix?: string;
  /** Where the type of an event is in its JSON. @default 'type' */
  readonly typeMember?: string;
}

/**
 * Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which covers id, time and body.
 * Secrets are `whsec_...` (HMAC, `v1`) or public keys `whpk_...` (ed25519, `v1a`).
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function standardWebhooks({
  prefix = 'webhook',
  typeMember = 'type',
}: StandardWebhooksOptions = {}): WebhookScheme {
  const header = (headers: Readonly<Record<string, string>>, name: string) => headers[`${prefix}-${name}`];
  return {
    name: 'standard-webhooks',
    signs: ['id', 'time', 'body'],
    horizonSeconds: 5 * 24 * 3600,
    verify({ headers, body }, secrets) {
      const [id, time] = [header(headers, 'id'), header(headers, 'timestamp')];
      const signatures = (header(headers, 'signature') ?? '').split(' ');
      // A dot in the id would let another pair of id and time be the same signed text.
      if (!id || id.includes('.') || !time) return false;
      const signed = Buffer.concat([Buffer.from(`${id}.${time}.`), body]);
      return secrets.some((secret) => signatures.some((signature) => isSigned(signature, signed, secret)));
    },
    signedAt: ({ headers }) => secondsOf(header(headers, 'timestamp')),
    events({ headers }, content) {
      const id = header(headers, 'id') ?? '';
      const data = content.json();
      const type = typeof data === 'object' && data !== null ? maybeTextIn({ ...data }, typeMember) : '';
      return [{ identity: [id], senderId: id, type, data }];
    },
  };
}

function isSigned(signature: string, signed: Uint8Array, secret: string): boolean {
  const [version, value] = signature.split(',', 2);
  if (secret.startsWith('whpk_')) return version === 'v1a' && isEd25519(value ?? '', signed, secret.slice(5));
  if (version !== 'v1') return false;
  return isSignature(value, 'base64', hmac('sha256', keyOf(secret.replace(/^whsec_/, ''), 'base64'), signed));
}

/** What a public key of 32 bytes is in the form that node reads (RFC 8410). */
const spki = Buffer.from('302a300506032b6570032100', 'hex');

function isEd25519(signature: string, signed: Uint8Array, publicKey: string): boolean {
  const der = Buffer.concat([spki, Buffer.from(publicKey, 'base64')]);
  return verify(
    null,
    signed,
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
    Buffer.from(signature, 'base64'),
  );
}
