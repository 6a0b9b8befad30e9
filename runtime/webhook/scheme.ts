import type { ApiResponse } from '../http/response.js';
import type { Content } from './content.js';
import type { WebhookRequest } from './request.js';

/** One event of a request, before anybody knows whether it was here before. */
export interface SentEvent {
  /**
   * What is the same at every delivery of this event, and of no other event of this source: out of what the signature
   * covers only. Where a sender signs no id, the bytes of the body stand for it, see {@link bodyIdentity} (R41).
   */
  readonly identity: readonly (string | number)[];
  /** What happened, in the sender's words. Empty where it says nothing. */
  readonly type: string;
  /** What is passed on: JSON values. */
  readonly data: unknown;
  /** The id that the sender gave it, signed or not: to look it up there. */
  readonly senderId?: string;
}

/**
 * How one kind of sender signs, and what its requests say. A row of the table in docs/webhook.md. Nothing of a
 * request is read before `verify` has found it signed, but what `verify` itself needs.
 */
export interface WebhookScheme {
  readonly name: string;
  /** What the signature covers. What it does not cover is no part of an identity. */
  readonly signs: readonly ('id' | 'time' | 'body' | 'url' | 'fields')[];
  /** How long the sender goes on sending one event, in seconds. Receipts have to outlive it. */
  readonly horizonSeconds: number;
  /**
   * Whether the request was signed with one of the secrets. In constant time for each of them.
   *
   * @throws what keeps it from being known, such as a certificate that cannot be read: the sender is to come again.
   */
  verify(request: WebhookRequest, secrets: readonly string[]): boolean | Promise<boolean>;
  /** When it was signed, in seconds since 1970, where the signature covers that. NaN is refused as too old. */
  signedAt?(request: WebhookRequest): number;
  /**
   * The answer to a request that is no event, but asks whether this endpoint knows the secret.
   *
   * @param secrets those that the request was signed with
   */
  handshake?(content: Content, secrets: readonly string[]): ApiResponse | undefined;
  /** The events of a request: one, several, or none. @throws MalformedEvent when it is not as the sender says. */
  events(request: WebhookRequest, content: Content): readonly SentEvent[];
  /** What the sender takes for "it is here". @default 200 and no body */
  readonly reply?: ApiResponse;
}
