import type { Duration } from 'aws-cdk-lib';
import type { HttpMethod, IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { BaseFunctionOptions } from '../consumer/handler-function-options.js';
import type { IDedupTable } from '../dedup/dedup-table-base.js';

/** A path of an API and the methods that are served there. */
export interface IdempotentRoute {
  /** Such as `/payments` or `/payments/{id}`. */
  readonly path: string;

  /**
   * Methods. All but GET, HEAD and OPTIONS need an Idempotency-Key.
   *
   * @default - POST
   */
  readonly methods?: HttpMethod[];
}

/** What every API with Idempotency-Keys has, whatever is in front of it. */
export interface KeyedApiProps extends BaseFunctionOptions {
  /**
   * Whose receipts they are. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token. Unique among the APIs and consumers of
   * one `dedupTable`.
   *
   * Choose it once: under another name the API knows none of its keys, and what clients try again acts again (R1).
   */
  readonly apiName: string;

  /** What is served. */
  readonly routes: IdempotentRoute[];

  /**
   * Where the receipts are kept: in the account and Region of the tables that the handler writes.
   *
   * @default - none, with `receiptsInPostgres`
   */
  readonly dedupTable?: IDedupTable;

  /**
   * Receipts are kept in a Postgres, together with the effects: the handler is of `postgresIdempotentApi`. How the
   * function reaches the database (`vpc`, `environment`) and signs in is yours, and that nobody else who keeps
   * receipts in it has this `apiName`.
   *
   * @default false
   */
  readonly receiptsInPostgres?: boolean;

  /**
   * Absolute path of the file that exports `handler`: `httpApiHandler(idempotentApi({ ... }))` of
   * `exactly-once-aws/api`, or with `postgresIdempotentApi` of `exactly-once-aws/api/postgres`.
   */
  readonly entry: string;

  /**
   * How long a key is known, 1 second to 30 days. Tell your clients.
   *
   * @default Duration.hours(24)
   */
  readonly window?: Duration;

  /**
   * How long a client may go on trying one request. Together with the timeout it must fit into the window.
   *
   * @default Duration.hours(12)
   */
  readonly clientRetryHorizon?: Duration;

  /**
   * Whether answers of more than 300 KB may occur. They are kept in a bucket, which is made for them and forgets them
   * after the window. With `receiptsInPostgres` answers of any size are in the receipts.
   *
   * @default false
   */
  readonly bigResponses?: boolean;

  /**
   * Most requests per second, over all routes.
   *
   * @default 500
   */
  readonly rateLimit?: number;

  /**
   * Most requests at once beyond the rate.
   *
   * @default 1000
   */
  readonly burstLimit?: number;

  /**
   * Longest run for one request, at most 29 seconds: API Gateway waits no longer.
   *
   * @default Duration.seconds(10)
   */
  readonly timeout?: Duration;

  /**
   * Memory in MB. CPU grows with it.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Processor of the function.
   *
   * @default Architecture.ARM_64
   */
  readonly architecture?: Architecture;

  /**
   * More environment variables. Names that begin with `EXACTLY_ONCE_` are the construct's.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * How long logs of the function and access logs are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * Items that the handler writes for one request, on average and without the receipt. For the cost in GUARANTEES.md
   * only.
   *
   * @default 1
   */
  readonly writesPerRequest?: number;

  /**
   * Origins whose pages may call, such as `https://shop.example`. Their preflight requests are answered by API
   * Gateway; `idempotency-key` may be sent, and `idempotent-replayed`, `retry-after`, `x-should-retry` and `location`
   * be read.
   *
   * @default - no page of another origin
   */
  readonly corsOrigins?: string[];

  /**
   * More headers that pages of `corsOrigins` may send.
   *
   * @default - authorization, content-type, idempotency-key, and those of Signature Version 4
   */
  readonly corsHeaders?: string[];

  /**
   * Key of yours for what is kept at rest: access logs, logs of the function and big answers. The receipts are
   * encrypted with the key of `dedupTable`, or of the database.
   *
   * Its policy must let CloudWatch Logs use it; that of a `Key` of the same app is given the statement.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: IKey;

  /**
   * Write the caller's ARN and address into the access logs, for accounts that have to know who called. Both are
   * personal data, for as long as `logRetention` says; without them a line leads to the function's log, which has
   * hashes, by its `invocation`.
   *
   * @default false
   */
  readonly callersInAccessLogs?: boolean;
}

/** An HTTP API. */
export interface IdempotentApiProps extends KeyedApiProps {
  /**
   * Who lets callers in, and names them. Keys belong to a caller.
   *
   * @default - IAM: requests are signed (SigV4)
   */
  readonly authorizer?: IHttpRouteAuthorizer;

  /**
   * Everybody may call, and everybody is one caller: who knows a key reads the answer saved under it. The handler has
   * to say so too, with `caller: anonymousCaller`.
   *
   * @default false
   */
  readonly anonymous?: boolean;
}
