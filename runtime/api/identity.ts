import { createHash } from 'node:crypto';
import { canonicalJson, fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import type { Json } from '../http/read-body.js';
import type { ApiRequest } from './request.js';

/** What keys belong to: they say nothing about another method or resource. */
export type Scope = Pick<ApiRequest, 'method' | 'path' | 'resource'>;

/** Chooses what two requests under one key must agree on, out of the JSON or the bytes that were sent. */
export type FingerprintOf = (body: unknown, request: ApiRequest) => unknown;

/**
 * Who calls, what, and under which key. Hashed, because paths and callers can be long and keys may be personal data;
 * as canonical JSON, so that no two different scopes become one text (R38).
 */
export function requestId(caller: string, { method, path, resource = path }: Scope, key: string): string {
  return fingerprintOf([caller, method, resource, key]);
}

/** What {@link apiReceiptId} is told. */
export interface ReceiptOf extends Scope {
  readonly apiName: string;
  /** As the API's `caller` names it. */
  readonly caller: string;
  /** The Idempotency-Key, without quotes. */
  readonly key: string;
}

/** Where the receipt of a request is: the value of `id` in the dedup table. For who erases what is saved there. */
export function apiReceiptId({ apiName, caller, key, ...scope }: ReceiptOf): string {
  return receiptId(apiName, requestId(caller, scope, key));
}

/**
 * What two requests under one key must agree on: method, resource, query and body. JSON is compared as values, so
 * that another order of its members is no other request; anything else byte by byte (R38).
 *
 * @param select of the body only this counts. What it throws on, or chooses without a JSON form, counts as a whole.
 */
export function requestFingerprint(
  request: ApiRequest,
  body: Uint8Array,
  json: Json | undefined,
  select?: FingerprintOf,
): string {
  const { method, path, resource = path, query } = request;
  const sorted = new URLSearchParams(query);
  sorted.sort();
  return fingerprintOf([method, resource, [...sorted], content(request, body, json, select)]);
}

function content(
  request: ApiRequest,
  body: Uint8Array,
  json: Json | undefined,
  select: FingerprintOf | undefined,
): unknown {
  const value = json !== undefined && 'json' in json ? json.json : undefined;
  try {
    if (select !== undefined)
      return { selected: canonicalJson(select(value === undefined ? body : value, request)) };
    if (value !== undefined) return { json: canonicalJson(value) };
  } catch {
    // What has no JSON form is what it is: bytes.
  }
  return { bytes: createHash('sha256').update(body).digest('base64url') };
}
