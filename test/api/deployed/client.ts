import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { EndpointTarget } from '../../../targets/target.js';

export interface Sent {
  readonly method?: string;
  /** Behind `/payments`. @default '' */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** @default - none */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes as they are, else JSON. */
  readonly body?: unknown;
  readonly unsigned?: boolean;
}

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends to the payments of a deployed API as a caller with IAM does. */
export function sender(target: EndpointTarget, apiUrl: string): (sent: Sent) => Promise<Received> {
  const base = target.httpUrl(apiUrl).replace(/\/$/, '');
  const { region, client } = target;
  const signer = new SignatureV4({
    service: 'execute-api',
    region,
    credentials: client.credentials,
    sha256: Sha256,
  });
  return async ({ method = 'POST', path = '', query = {}, key, headers = {}, body, unsigned = false }) => {
    const url = new URL(`${base}/payments${path}`);
    url.search = new URLSearchParams(query).toString();
    const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body ?? ''));
    const reads = method === 'GET' || method === 'HEAD';
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: { ...query },
      headers: {
        host: url.host,
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      body: reads ? undefined : bytes,
    });
    const ready = unsigned ? request : await signer.sign(request);
    const answer = await fetch(url, {
      method,
      headers: ready.headers,
      body: reads ? undefined : new Uint8Array(bytes),
      signal: AbortSignal.timeout(30_000),
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(await answer.arrayBuffer()),
    };
  };
}
