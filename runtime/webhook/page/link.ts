import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { InvalidSettings } from '../../dedup/errors.js';
import { assertTenant } from '../sender/endpoint.js';

/** Who has opened the page, and until when. */
export interface Session {
  readonly tenant: string;
  /** Of the link that it was opened with. */
  readonly linkId: string;
  /** Epoch seconds. */
  readonly expires: number;
}

export interface WebhookPageLinkOptions {
  /** Where the page is, such as `https://hooks.example.com`. It is at the root of its host. */
  readonly url: string;
  /** Whose endpoints it shows. Whoever has the link acts for this tenant until it expires. */
  readonly tenant: string;
  /** The secret that signs it, of 32 bytes at the least: of those that the page knows, the newest. */
  readonly secret: string;
  /** How long the link, and what was opened with it, counts. 1 second to a day. @default 3,600 */
  readonly lifetimeSeconds?: number;
  /** To take this one back by, with `isRevoked` of the page: 1 to 64 of `A-Z a-z 0-9 _ -`. @default - by random */
  readonly linkId?: string;
  /** @internal For tests: epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * A link to the page of one tenant. It counts until it expires, as often as it is opened: give it to nobody else.
 *
 * @throws InvalidSettings; InvalidTenant.
 */
export function webhookPageLink(options: WebhookPageLinkOptions): string {
  const { url, tenant, secret, lifetimeSeconds = 3_600, now = Date.now } = options;
  const { linkId = randomBytes(12).toString('base64url') } = options;
  assertTenant(tenant);
  if (!/^[\w-]{1,64}$/.test(linkId))
    throw new InvalidSettings([`linkId must be 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(linkId)}`]);
  if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > 86_400)
    throw new InvalidSettings([
      `lifetimeSeconds must be a whole number from 1 to 86,400, got ${lifetimeSeconds}`,
    ]);
  const link = new URL('/', url);
  const expires = Math.floor(now() / 1000) + lifetimeSeconds;
  link.searchParams.set('token', sealed('link', { tenant, linkId, expires }, secret));
  return link.href;
}

/** What a token is for: one of a link is no session, and neither is a form's. */
type Purpose = 'link' | 'session' | 'form';

export function sealed(purpose: Purpose, { tenant, linkId, expires }: Session, secret: string): string {
  assertSecrets([secret]);
  const text = `${tenant}~${linkId}~${expires}`;
  return `${text}~${signature(purpose, text, secret)}`;
}

/** Whose token it is: undefined when none of the secrets has signed it for this purpose, or it has expired. */
export function opened(
  purpose: Purpose,
  token: string,
  secrets: readonly string[],
  nowMs: number,
): Session | undefined {
  assertSecrets(secrets);
  const [, text = '', tenant = '', linkId = '', expires = '', given = ''] =
    /^(([A-Za-z0-9_.-]{1,64})~([\w-]{1,64})~(\d{1,12}))~([\w-]{43})$/.exec(token) ?? [];
  const right = secrets.filter((secret) => same(given, signature(purpose, text, secret))).length > 0;
  return right && Number(expires) * 1000 > nowMs ? { tenant, linkId, expires: Number(expires) } : undefined;
}

/** What a form of a session carries, so that no page of another site can send one. */
export function formToken(cookie: string, secret: string): string {
  return signature('form', cookie, secret);
}

export function isFormToken(given: string, cookie: string, secrets: readonly string[]): boolean {
  return secrets.filter((secret) => same(given, formToken(cookie, secret))).length > 0;
}

function signature(purpose: Purpose, text: string, secret: string): string {
  return createHmac('sha256', secret).update(`${purpose}\n${text}`).digest('base64url');
}

function same(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function assertSecrets(secrets: readonly string[]): void {
  if (secrets.length === 0 || secrets.some((secret) => Buffer.byteLength(secret) < 32))
    throw new InvalidSettings(['the secrets of the page must be of 32 bytes or more; make one by random']);
}
