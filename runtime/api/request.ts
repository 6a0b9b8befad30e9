import type { RenderedResponse } from '../http/response.js';

/** A request as the core sees it, whatever brought it: an adapter fills it in and decides nothing. */
export interface ApiRequest {
  /** Upper case. */
  readonly method: string;
  /** The actual path as it was sent, without the query: `/payments/17`, not `/payments/{id}`. */
  readonly path: string;
  /**
   * The same for one resource, whatever domain, stage or base path the request has come by. Keys belong to it.
   *
   * @default path
   */
  readonly resource?: string;
  readonly query: URLSearchParams;
  /** The query as it was sent, for who has to check a signature over it. @default query.toString() */
  readonly rawQuery?: string;
  /** By lower-case name; several lines of one header are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Raw bytes, empty when there are none. */
  readonly body: Uint8Array;
  /** The parts of the path that the route names. */
  readonly params: Readonly<Record<string, string>>;
  readonly identity: Identity;
}

/** What the authorizer in front has found out. A request that no authorizer has seen has none of it. */
export interface Identity {
  /** IAM: the request was signed (SigV4). */
  readonly iam?: {
    /** ARN of the user or of the role session. */
    readonly arn: string;
    /** Of a Cognito identity pool, all of whose users share one role. */
    readonly cognitoIdentityId?: string;
  };
  /** Claims of a verified JWT or Cognito token. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Id of the API key of a REST API's usage plan, not its value. HTTP APIs have none. */
  readonly apiKeyId?: string;
  /** The certificate that the client has shown to a custom domain with mutual TLS. Distinguished names. */
  readonly clientCertificate?: { readonly subject: string; readonly issuer: string };
  /** What a Lambda authorizer has returned. */
  readonly context?: Readonly<Record<string, unknown>>;
}

/** How long a request may take. */
export interface RequestLimits {
  /** Epoch milliseconds after which no new attempt to commit starts. */
  readonly deadline: number;
  /**
   * Throws for an answer that whatever brought the request cannot carry back. It is asked before the commit.
   *
   * @default - every answer can be
   */
  readonly assertCarried?: (response: RenderedResponse) => void;
}
