import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { hmac } from '../signature.js';

/** A secret that an endpoint's deliveries are signed with. */
export interface SigningSecret {
  /** `whsec_` and 24 to 64 bytes in base64 (HMAC-SHA256, `v1`), or `whsk_` and a private key of ed25519 (`v1a`). */
  readonly secret: string;
  /** From then on nothing is signed with it: the end of the overlap of a rotation. ISO 8601. @default - no end */
  readonly until?: string;
}

/** What is sent beside the body. */
export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/**
 * The headers of one attempt, signed at its own time, by every secret that counts then.
 *
 * @param nowMs epoch milliseconds
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly SigningSecret[],
  nowMs: number,
): SignedHeaders {
  const time = String(Math.floor(nowMs / 1000));
  const signed = `${id}.${time}.${body}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': time,
    'webhook-signature': counting(secrets, nowMs)
      .map(({ secret }) => signature(secret, signed))
      .join(' '),
  };
}

/** Those that have not ended. */
export function counting(secrets: readonly SigningSecret[], nowMs: number): SigningSecret[] {
  return secrets.filter(({ until }) => until === undefined || Date.parse(until) > nowMs);
}

/** What is wrong with a secret, undefined when nothing is. Never quotes it. */
export function secretProblem({ secret, until }: SigningSecret): string | undefined {
  if (until !== undefined && Number.isNaN(Date.parse(until)))
    return 'an `until` is no time; write ISO 8601, such as 2026-12-01T00:00:00Z';
  const [, prefix, encoded = ''] = /^(whsec_|whsk_)([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const bytes = Buffer.from(encoded, 'base64').length;
  if (prefix === 'whsec_' && bytes >= 24 && bytes <= 64) return undefined;
  if (prefix === 'whsk_' && (bytes === 32 || bytes === 64)) return undefined;
  return 'a secret must be whsec_ and 24 to 64 bytes, or whsk_ and the 32 or 64 bytes of an ed25519 key, in base64';
}

function signature(secret: string, signed: string): string {
  if (secret.startsWith('whsk_')) return `v1a,${ed25519(secret.slice(5), signed)}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${Buffer.from(hmac('sha256', key, signed)).toString('base64')}`;
}

/** What a private key of 32 bytes is in the form that node reads (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519(key: string, signed: string): string {
  // Of 64 bytes the second half is the public key.
  const seed = Buffer.from(key, 'base64').subarray(0, 32);
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  return sign(null, Buffer.from(signed), privateKey).toString('base64');
}

/** A secret for `v1`: 32 random bytes. */
export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
