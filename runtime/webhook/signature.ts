import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { InvalidSettings } from '../dedup/errors.js';

type Part = string | Uint8Array;

/** HMAC over the parts one after the other. */
export function hmac(algorithm: 'sha1' | 'sha256', key: Part, ...parts: readonly Part[]): Uint8Array {
  const hash = createHmac(algorithm, key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const encoded = { hex: /^(?:[0-9a-f]{2})+$/i, base64: /^[A-Za-z0-9+/_-]{2,}={0,2}$/ };

/**
 * The bytes of a secret that is written in hexadecimal or base64. A decoder stops at what it does not know: of a
 * secret that was pasted wrongly an empty key would be left, by which anybody can sign.
 *
 * @throws InvalidSettings for what is not written so: the sender is to come again when that is mended.
 */
export function keyOf(secret: string, encoding: 'hex' | 'base64'): Uint8Array {
  const text = secret.trim();
  if (!encoded[encoding].test(text))
    throw new InvalidSettings([
      `a secret of a webhook source is not written in ${encoding}; copy it whole from its sender`,
    ]);
  return Buffer.from(text, encoding);
}

/**
 * Whether a signature, as it was sent, is the one wanted. Takes as long for a nearly right one as for a wrong one;
 * its length is that of the algorithm and no secret.
 */
export function isSignature(
  sent: string | undefined,
  encoding: 'hex' | 'base64',
  wanted: Uint8Array,
): boolean {
  if (sent === undefined) return false;
  // Of the texts and not of the bytes: a decoder skips what it does not know, and one signature had many spellings.
  const [given, right] = [Buffer.from(sent), Buffer.from(Buffer.from(wanted).toString(encoding))];
  return given.length === right.length && timingSafeEqual(given, right);
}

/** The values of a `name=value` list, such as `t=1,v1=ab,v1=cd`, under one name. */
export function listed(header: string | undefined, name: string): string[] {
  return (header ?? '')
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** Whole seconds as digits, or NaN. */
export function secondsOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : NaN;
}

/**
 * The identity of an event whose id nobody signs: the bytes that were signed. An unsigned id could be exchanged, and
 * the event would act again (R41).
 */
export function bodyIdentity(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url');
}
