import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fixedSecrets, paypal } from '../../runtime/webhook/index.js';
import { client, uniqueName, World } from './world.js';

const certificateUrl = 'https://api.paypal.com/v1/notifications/certs/CERT-1';
const webhookId = '8PT597110X687430LKGECATA';
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const world = new World();
const folder = mkdtempSync(join(tmpdir(), 'paypal-'));
let answer: RequestListener;
const asked: string[] = [];
const host = createServer((request, response) => {
  asked.push(request.url ?? '');
  answer(request, response);
});
beforeAll(async () => {
  await world.open();
  await new Promise<void>((resolve) => {
    host.listen(0, '127.0.0.1', resolve);
  });
});
beforeEach(() => {
  asked.length = 0;
});
afterAll(() => {
  host.close();
  client.destroy();
  rmSync(folder, { recursive: true });
});

/** As PayPal's host answers, on this machine. */
const standIn = (url: string, init: RequestInit) => {
  const { port } = host.address() as AddressInfo;
  return fetch(new URL(new URL(url).pathname, `http://127.0.0.1:${port}`), init);
};

/** A certificate that has signed itself, and its key. */
function certificateOf(days: number): { readonly pem: string; readonly key: string } {
  const [key, pem] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=api.paypal.com'];
  execFileSync('openssl', [...made, '-days', String(days), '-keyout', key, '-out', pem], { stdio: 'ignore' });
  return { pem: readFileSync(pem, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** Delivers an event that is signed by a key, as one whose certificate is at an address. */
async function deliver(key: string, url = certificateUrl, scheme = paypal({ fetch: standIn })) {
  const name = uniqueName();
  const body = JSON.stringify({ id: `WH-${name}`, event_type: 'PAYMENT.SALE.COMPLETED', name });
  const [id, time] = [randomUUID(), new Date().toISOString()];
  const signed = Buffer.from(`${id}|${time}|${webhookId}|${crc32(body)}`);
  const receive = world.receiver({
    paypal: { scheme, secrets: fixedSecrets(webhookId) },
  });
  const { status } = await receive({
    source: 'paypal',
    headers: {
      'PAYPAL-TRANSMISSION-ID': id,
      'PAYPAL-TRANSMISSION-TIME': time,
      'PAYPAL-CERT-URL': url,
      'PAYPAL-AUTH-ALGO': 'SHA256withRSA',
      'PAYPAL-TRANSMISSION-SIG': sign('sha256', signed, key).toString('base64'),
    },
    body,
  });
  return { status, acts: await world.acts('paypal', name) };
}

// Node makes no certificate: openssl does.
(hasOpenssl ? describe : describe.skip)('with a certificate of openssl, which has to be installed', () => {
  let made: ReturnType<typeof certificateOf>;
  beforeAll(() => {
    made = certificateOf(1);
  });

  test("what the key of the certificate on PayPal's host has signed acts; what another has signed does not", async () => {
    answer = (_, response) => void response.end(made.pem);
    expect(await deliver(made.key)).toEqual({ status: 200, acts: 1 });
    const { key } = certificateOf(1);
    expect(await deliver(key)).toEqual({ status: 401, acts: 0 });
  });

  test.each([
    'https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1',
    'https://evil.example/v1/notifications/certs/CERT-1',
    'http://api.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.paypal.com:8443/v1/notifications/certs/CERT-1',
    'https://user@api.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.paypal.com/v1/elsewhere',
    'https://api.paypal.com/v1/notifications/certs/../../elsewhere',
    'no url',
  ])('a certificate at %s is not asked for, and nothing acts', async (url) => {
    answer = (_, response) => void response.end(made.pem);
    expect(await deliver(made.key, url)).toEqual({ status: 401, acts: 0 });
    expect(asked).toEqual([]);
  });

  test('one that has come to its end signs nothing any more', async () => {
    answer = (_, response) => void response.end(made.pem);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 25 * 3600_000);
    const now = Date.now();
    const scheme = paypal({ fetch: standIn });
    const time = new Date(now).toISOString();
    const [id, body] = [randomUUID(), Buffer.from('{}')];
    const signature = sign('sha256', Buffer.from(`${id}|${time}|${webhookId}|${crc32(body)}`), made.key);
    const headers = {
      'paypal-transmission-id': id,
      'paypal-transmission-time': time,
      'paypal-cert-url': certificateUrl,
      'paypal-auth-algo': 'SHA256withRSA',
      'paypal-transmission-sig': signature.toString('base64'),
    };
    const verified = () => scheme.verify({ headers, body, query: '' }, [webhookId]);
    expect(await verified()).toBe(false);
    jest.restoreAllMocks();
    expect(await verified()).toBe(true);
  });

  test('a certificate whose reading never ends: 503, and the next request has it read again', async () => {
    let reads = 0;
    const scheme = paypal({
      certificate: () => {
        reads += 1;
        return reads === 1 ? new Promise(() => undefined) : Promise.resolve(made.pem);
      },
    });
    expect(await deliver(made.key, certificateUrl, scheme)).toEqual({ status: 503, acts: 0 });
    expect(await deliver(made.key, certificateUrl, scheme)).toEqual({ status: 200, acts: 1 });
  }, 20_000);

  test.each<[string, RequestListener]>([
    ['is larger than 32 KB', (_, response) => void response.end(Buffer.alloc(33 * 1024, 'x'))],
    ['is somewhere else', (_, response) => void response.writeHead(302, { location: '/other' }).end()],
    ['is not to be had', (_, response) => void response.writeHead(500).end()],
    ['is none', (_, response) => void response.end('no certificate')],
  ])('a certificate that %s: 503, PayPal comes again, and it is asked for again', async (_, behaviour) => {
    answer = behaviour;
    expect(await deliver(made.key)).toEqual({ status: 503, acts: 0 });
    expect(asked).toHaveLength(1);
  });
});
