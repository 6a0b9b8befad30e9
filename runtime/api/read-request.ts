import type { StandardSchemaV1 } from '@standard-schema/spec';
import { contentOf, mostBodyBytes } from '../http/content.js';
import type { Refusal } from '../http/problem.js';
import { parseJson, validate } from '../http/read-body.js';
import { requestFingerprint, type FingerprintOf } from './identity.js';
import type { ApiRequest } from './request.js';
import { asError, tryAgain } from './settled.js';

export interface Reading<Body> {
  readonly schema?: StandardSchemaV1<unknown, Body>;
  readonly fingerprint?: FingerprintOf;
  readonly maxBodyBytes: number;
}

/**
 * What a request says, or why it is not taken. A refused one may be the retry of one that was taken before, by a
 * schema or a limit that was another one then: its fingerprint is made if somebody asks.
 */
export type ReadRequest<Body> =
  | { readonly body: Body; readonly fingerprint: string }
  | { readonly refusal: Refusal; readonly error?: unknown; readonly fingerprint: () => Promise<string> };

export async function readRequest<Body>(
  request: ApiRequest,
  { schema, fingerprint: select, maxBodyBytes }: Reading<Body>,
): Promise<ReadRequest<Body>> {
  const encoding = request.headers['content-encoding'];
  const content = await contentOf(request.body, encoding, maxBodyBytes);
  const json = (bytes: Uint8Array) =>
    schema !== undefined || isJson(request, bytes) ? parseJson(bytes) : undefined;
  if ('refusal' in content)
    return {
      ...content,
      fingerprint: async () => {
        const whole = await contentOf(request.body, encoding, mostBodyBytes);
        const bytes = 'bytes' in whole ? whole.bytes : request.body;
        return requestFingerprint(request, bytes, json(bytes), select);
      },
    };
  const { bytes } = content;
  const read = json(bytes);
  const fingerprint = requestFingerprint(request, bytes, read, select);
  // Without a schema the body is the raw bytes, which is what `Body` then is.
  if (schema === undefined || read === undefined) return { body: bytes as Body, fingerprint };
  const later = () => Promise.resolve(fingerprint);
  try {
    const validated = await validate(read, schema);
    return { ...validated, fingerprint: 'refusal' in validated ? later : fingerprint } as ReadRequest<Body>;
  } catch (error) {
    return {
      refusal: { kind: 'handler-failed', parts: { detail: tryAgain } },
      error: asError(error),
      fingerprint: later,
    };
  }
}

/**
 * Whether a body that no schema asks for is JSON: if it says so, or begins like an object or an array. So a schema
 * that is added or taken away, of clients that call their JSON something else, makes no other request of a retry.
 */
function isJson({ headers }: ApiRequest, bytes: Uint8Array): boolean {
  return (
    /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '') ||
    /^\ufeff?\s*[{[]/.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 256)))
  );
}
