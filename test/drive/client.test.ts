import { createHash, createHmac } from 'node:crypto';
import { paymentClient, type PaymentClientOptions } from '../../drive/paths/client.js';
import { AttemptsExhaustedError, PaymentRefusedError } from '../../drive/drive-error.js';
import { type Fault, startFaultProxy } from '../../drive/faults/fault-proxy.js';
import type { Purchase } from '../../drive/input/purchases.js';
import { type Answer, type Received, startUpstream } from './upstream.js';

const purchase: Purchase = {
  ...{ paymentId: 'cdnow-00007', customer: '00003', purchasedOn: '1997-11-15', cds: 5, cents: 5745 },
};
const region = 'eu-west-1';
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' };

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function clientOf(
  answers: readonly Answer[],
  faults: readonly Fault[] = [],
  own: Partial<PaymentClientOptions> = {},
) {
  const upstream = await startUpstream(() => answers[upstream.received.length - 1] ?? { status: 202 });
  stops.push(upstream.stop);
  let call = 0;
  const proxy = await startFaultProxy({ upstream: upstream.url, decide: () => faults[call++] ?? 'none' });
  stops.push(proxy.stop);
  const client = paymentClient({
    ...{ apiUrl: `${upstream.url}/stage/`, through: proxy.url, region, credentials, firstPauseMs: 1, ...own },
  });
  stops.push(() => {
    client.close();
    return Promise.resolve();
  });
  return { client, upstream, proxy };
}

test('repeats lost requests, lost answers, 5xx and 429 with the same key and body until accepted', async () => {
  const answers = [{ status: 202 }, { status: 503 }, { status: 429 }, { status: 500 }];
  const { client, upstream } = await clientOf(answers, ['request', 'answer']);

  expect(await client.send(purchase)).toBe(6);

  // The first attempt never arrived.
  expect(upstream.received).toHaveLength(5);
  for (const { method, path, headers, body } of upstream.received) {
    expect({ method, path }).toEqual({ method: 'POST', path: '/stage/payments' });
    expect(headers['idempotency-key']).toBe('cdnow-00007');
    expect(JSON.parse(body.toString())).toEqual({
      customer: '00003',
      purchasedOn: '1997-11-15',
      cds: 5,
      cents: 5745,
    });
  }
});

test('every attempt has a valid signature for the API, not for the proxy', async () => {
  const { client, upstream } = await clientOf([{ status: 202 }, { status: 500 }], ['answer']);
  await client.send(purchase);
  expect(upstream.received).toHaveLength(3);
  for (const request of upstream.received) {
    expect(`http://${request.headers.host ?? ''}`).toBe(upstream.url);
    expect(signatureIn(request)).toBe(signatureOf(request));
  }
});

test('does not repeat what the API refuses', async () => {
  const { client, upstream } = await clientOf([{ status: 400, body: '{"detail":"cents"}' }]);
  const refusal = client.send(purchase);
  await expect(refusal).rejects.toThrow(PaymentRefusedError);
  await expect(refusal).rejects.toMatchObject({
    paymentId: 'cdnow-00007',
    status: 400,
    body: '{"detail":"cents"}',
  });
  expect(upstream.received).toHaveLength(1);
});

test('gives up after the last attempt and says why', async () => {
  const { client, upstream } = await clientOf([{ status: 503 }, { status: 503 }, { status: 503 }], [], {
    maxAttempts: 3,
  });
  const failure = client.send(purchase);
  await expect(failure).rejects.toThrow(AttemptsExhaustedError);
  await expect(failure).rejects.toThrow('failed 3 times for cdnow-00007, the last time with status 503');
  expect(upstream.received).toHaveLength(3);
});

test('an abort ends the attempts with its reason', async () => {
  const stop = new AbortController();
  const { client } = await clientOf([], Array.from<Fault>({ length: 50 }).fill('request'), {
    ...{ signal: stop.signal, maxAttempts: 50, firstPauseMs: 100 },
    onRetry: () => stop.abort(new Error('enough')),
  });
  await expect(client.send(purchase)).rejects.toThrow('enough');
});

function signatureIn({ headers }: Received): string | undefined {
  return /Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '')?.[1];
}

/** Signature Version 4, written from its description and not from the library the client uses. */
function signatureOf({ method, path, headers, body }: Received): string {
  const signed = /SignedHeaders=([^,]+),/.exec(headers.authorization ?? '')?.[1] ?? '';
  const date = String(headers['x-amz-date']);
  const scope = `${date.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name])}\n`);
  const canonical = [method, path, '', lines.join(''), signed, sha256(body)].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope
    .split('/')
    .reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${credentials.secretAccessKey}`);
  return hmac(key, text).toString('hex');
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
