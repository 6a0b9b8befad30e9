import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { textIn } from '../content.js';
import { inTime } from '../in-time.js';
import type { WebhookScheme } from '../scheme.js';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface PaypalOptions {
  /**
   * Reads a certificate or a public key, as PEM. It is only asked for addresses of PayPal, and its answer is kept.
   * One that has not come after 5 seconds is given up: the request is answered 503, and the next one asks again.
   *
   * @default - over HTTPS, no redirects, at most 5 seconds and 32 KB
   */
  readonly certificate?: (url: string) => Promise<string>;
  /** @internal For tests: a host that stands in for PayPal's. */
  readonly fetch?: Fetch;
}

const hosts = new Set([
  'api.paypal.com',
  'api.sandbox.paypal.com',
  'api-m.paypal.com',
  'api-m.sandbox.paypal.com',
]);
const mostCertificateBytes = 32 * 1024;

/**
 * PayPal: `PAYPAL-TRANSMISSION-SIG` covers transmission, time, the webhook's id, and the CRC-32 of the body. The
 * secret of the source is the webhook's id. A CRC-32 is no hash: who has one signed request can make other bodies for
 * it until its time is over, so look amounts up at PayPal before money goes out.
 *
 * @see https://developer.paypal.com/api/rest/webhooks/rest/
 */
export function paypal({ fetch: ask = fetch, ...options }: PaypalOptions = {}): WebhookScheme {
  const { certificate = (url: string) => readCertificate(url, ask) } = options;
  const known = new Map<string, Promise<Signer>>();
  const certificateAt = (url: string) => {
    const found = known.get(url) ?? inTime(certificate(url)).then(signerOf);
    known.set(url, found);
    found.catch(() => known.delete(url));
    return found;
  };
  return {
    name: 'paypal',
    signs: ['id', 'time', 'body'],
    horizonSeconds: 3 * 24 * 3600,
    async verify({ headers, body }, webhookIds) {
      const [id, time] = [headers['paypal-transmission-id'], headers['paypal-transmission-time']];
      const [url, signature] = [headers['paypal-cert-url'], headers['paypal-transmission-sig']];
      if (!id || !time || !signature || !isPaypals(url)) return false;
      if (headers['paypal-auth-algo'] !== 'SHA256withRSA') return false;
      const { publicKey, from, to } = await certificateAt(url);
      if (Date.now() < from || Date.now() > to) return false;
      return webhookIds.some((webhookId) =>
        verify(
          'sha256',
          Buffer.from(`${id}|${time}|${webhookId}|${crc32(body)}`),
          publicKey,
          Buffer.from(signature, 'base64'),
        ),
      );
    },
    signedAt: ({ headers }) => Date.parse(headers['paypal-transmission-time'] ?? '') / 1000,
    events(_, content) {
      const data = content.object();
      const id = textIn(data, 'id');
      return [{ identity: [id], senderId: id, type: textIn(data, 'event_type'), data }];
    },
  };
}

interface Signer {
  readonly publicKey: KeyObject;
  readonly from: number;
  readonly to: number;
}

function signerOf(pem: string): Signer {
  if (!pem.includes('BEGIN CERTIFICATE')) return { publicKey: createPublicKey(pem), from: 0, to: Infinity };
  const { publicKey, validFrom, validTo } = new X509Certificate(pem);
  return { publicKey, from: Date.parse(validFrom), to: Date.parse(validTo) };
}

/** The address comes with the request: anybody else's would be read, and would sign for itself. */
function isPaypals(url: string | undefined): url is string {
  if (url === undefined || !URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  return (
    protocol === 'https:' &&
    hosts.has(hostname) &&
    port === '' &&
    username + password === '' &&
    pathname.startsWith('/v1/notifications/certs/')
  );
}

async function readCertificate(url: string, ask: Fetch): Promise<string> {
  const response = await ask(url, { redirect: 'error', signal: AbortSignal.timeout(5_000) });
  if (!response.ok || response.body === null)
    throw new TypeError(`the certificate of PayPal cannot be read: status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > mostCertificateBytes) throw new TypeError('the certificate of PayPal is larger than 32 KB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
