import type { Refusal } from '../http/problem.js';
import type { ApiResponse } from '../http/response.js';
import { Content } from './content.js';
import type { WebhookSource } from './options.js';
import type { WebhookRequest } from './request.js';
import type { SentEvent } from './scheme.js';
import type { SecretSource } from './secrets.js';

/** What a delivery turned out to be. */
export type Opened = { readonly skewSeconds?: number } & (
  | { readonly kind: 'events'; readonly events: readonly SentEvent[]; readonly signedAt?: number }
  | { readonly kind: 'handshake'; readonly response: ApiResponse }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
);

/** @default of `toleranceSeconds` */
const fiveMinutes = 300;

/**
 * Opens a delivery: signature first, over the raw bytes, then its time, and only then what it says.
 *
 * @throws MalformedEvent, and what keeps the signature from being checked.
 */
export async function open(
  request: WebhookRequest,
  { scheme, toleranceSeconds = fiveMinutes }: WebhookSource,
  source: SecretSource,
): Promise<Opened> {
  const secrets = await secretsThatSigned(request, scheme, source);
  if (secrets === undefined) return refused('signature-invalid', wrongSignature);
  const signedAt = scheme.signedAt?.(request);
  const skewSeconds = signedAt === undefined ? undefined : Date.now() / 1000 - signedAt;
  // Not `>`: what is no number is refused too.
  if (skewSeconds !== undefined && !(Math.abs(skewSeconds) <= toleranceSeconds))
    return { ...refused('signature-expired', wrongTime), skewSeconds };
  const content = new Content(request);
  const response = scheme.handshake?.(content, await signersOf(request, scheme, secrets));
  if (response !== undefined) return { kind: 'handshake', response, skewSeconds };
  return { kind: 'events', events: scheme.events(request, content), signedAt, skewSeconds };
}

/** A signature that is not right may be of a secret that is newer than the one in memory. */
async function secretsThatSigned(
  request: WebhookRequest,
  scheme: WebhookSource['scheme'],
  source: SecretSource,
): Promise<readonly string[] | undefined> {
  const known = await source.secrets(false);
  if (await scheme.verify(request, known)) return known;
  const fresh = await source.secrets(true);
  const same = fresh.length === known.length && fresh.every((secret, i) => secret === known[i]);
  return !same && (await scheme.verify(request, fresh)) ? fresh : undefined;
}

/** While two secrets count, the sender knows one of them, and asks for that one. */
async function signersOf(
  request: WebhookRequest,
  scheme: WebhookSource['scheme'],
  secrets: readonly string[],
): Promise<readonly string[]> {
  if (secrets.length === 1) return secrets;
  const signers: string[] = [];
  for (const secret of secrets) if (await scheme.verify(request, [secret])) signers.push(secret);
  return signers;
}

function refused(kind: Refusal['kind'], detail: string): Extract<Opened, { kind: 'refused' }> {
  return { kind: 'refused', refusal: { kind, parts: { detail } } };
}

const wrongSignature = 'sign the bytes of the body as they are sent, with the secret of this endpoint';
const wrongTime =
  'the time of signing is too far from now; sign every attempt anew, by a clock that is right';
