import { createHash } from 'node:crypto';
import { canonicalJson, fingerprintOf } from '../dedup/fingerprint.js';
import type { ApiRequest } from './request.js';

/**
 * Who calls, what, and under which key. Hashed, because paths and callers can be long and keys may be personal data;
 * as canonical JSON, so that no two different scopes become one text (R38).
 */
export function requestId(caller: string, { method, path }: ApiRequest, key: string): string {
  return fingerprintOf([caller, method, path, key]);
}

/**
 * What two requests under one key must agree on: method, path, query and body. JSON is compared as values, so that
 * another order of its members is no other request; anything else byte by byte (R38).
 */
export function requestFingerprint(
  { method, path, query, body }: ApiRequest,
  json: { readonly json: unknown } | undefined,
): string {
  const sorted = new URLSearchParams(query);
  sorted.sort();
  return fingerprintOf([method, path, [...sorted], content(body, json)]);
}

function content(body: Uint8Array, json: { readonly json: unknown } | undefined): unknown {
  if (json !== undefined) {
    try {
      return { json: canonicalJson(json.json) };
    } catch {
      // JSON that is no value, such as 1e999, is what it is: bytes.
    }
  }
  return { bytes: createHash('sha256').update(body).digest('base64url') };
}
