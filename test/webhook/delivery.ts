import type { ApiRequest } from '../../runtime/api/index.js';

export interface Delivery {
  readonly source?: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly query?: string;
}

/** A delivery as an adapter hands it on. */
export function request({ source, method = 'POST', headers, body, query = '' }: Delivery): ApiRequest {
  return {
    method,
    path: `/webhooks/${source ?? 'shop'}`,
    query: new URLSearchParams(query),
    rawQuery: query,
    headers: Object.fromEntries(
      Object.entries({ 'content-type': 'application/json', ...headers }).map(([name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    ),
    body: typeof body === 'string' ? Buffer.from(body) : body,
    params: { source: source ?? 'shop' },
    identity: {},
  };
}

/** What a delivery is when one bit of its body is another one. */
export function flipped({ headers, body, ...rest }: Delivery, place: number): Delivery {
  const bytes = Buffer.from(body);
  const at = place % bytes.length;
  bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
  return { ...rest, headers, body: bytes };
}

/** What a delivery is when one bit of its signature is another one, in a header or, of Adyen, in the body. */
export function signatureFlipped({ headers, body, ...rest }: Delivery, place: number): Delivery {
  const [name, value] = Object.entries(headers).find(([one]) => /signature|hmac|-sig$/i.test(one)) ?? [];
  if (name === undefined || value === undefined) {
    const from = Buffer.from(body).indexOf('"hmacSignature":"') + '"hmacSignature":"'.length;
    return { ...rest, ...flipped({ headers, body }, from + (place % 40)) };
  }
  // Of every scheme the end is the signature itself; the last bits of base64 may say nothing.
  const at = value.length - 6 - (place % 18);
  const text = value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1) + value.slice(at + 1);
  return { ...rest, body, headers: { ...headers, [name]: text } };
}

/** Where a name is in a body that ends with it: in the signed fields of Adyen. */
export function placesOf({ body }: Delivery, name: string): number[] {
  const from = Buffer.from(body).lastIndexOf(name);
  return Array.from({ length: name.length }, (_, i) => from + i);
}
