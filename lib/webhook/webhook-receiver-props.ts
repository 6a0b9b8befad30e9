import type { Duration } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IDedupTable } from '../dedup/dedup-table-base.js';
import type { HandlerFunctionResources } from '../consumer/handler-function.js';

/** Who sends webhooks, and the secret that proves it. */
export interface WebhookSourceProps {
  /**
   * Name of the source, 1 to 64 of `A-Z a-z 0-9 _ . -`: the sender is given `<url>/<name>`, and the handler has the
   * scheme under the same name. Choose it once: events of another name are other events.
   */
  readonly name: string;

  /**
   * The secret of the sender in Secrets Manager: its text, or a JSON list of texts and `{ "secret", "until" }` while
   * one follows another. The function may read it.
   *
   * @default - the handler has it by itself, such as a public key
   */
  readonly secret?: ISecret;
}

export interface WebhookReceiverProps extends HandlerFunctionResources {
  /**
   * Whose receipts they are. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token. Unique among the consumers and APIs of
   * one `dedupTable`. Choose it once: under another name no event is known, and what comes again acts again (R1).
   */
  readonly receiverName: string;

  /**
   * Where the receipts are kept.
   *
   * @default - none, with `receiptsInPostgres`
   */
  readonly dedupTable?: IDedupTable;

  /**
   * Receipts are kept in a Postgres, together with the effects: the handler is of `postgresWebhookReceiver`. How the
   * function reaches the database (`vpc`, `environment`) and signs in is yours, and that nobody else who keeps
   * receipts in it has this `receiverName`.
   *
   * @default false
   */
  readonly receiptsInPostgres?: boolean;

  /** Who may send. */
  readonly senders: WebhookSourceProps[];

  /**
   * Absolute path of the file that exports `handler`: `httpApiHandler(webhookReceiver({ ... }))`, of
   * `exactly-once-aws/api` and `exactly-once-aws/webhook`, or with `postgresWebhookReceiver` of
   * `exactly-once-aws/webhook/postgres`.
   */
  readonly entry: string;

  /**
   * How long an event is known. Longer than its sender goes on sending it, or lets people send it again: Stripe 30
   * days, Adyen 30, most others 1 to 5. The handler refuses to start with a shorter one.
   *
   * @default Duration.days(45)
   */
  readonly window?: Duration;

  /**
   * Longest run for one delivery, at most 29 seconds. Senders wait 3 to 30 seconds.
   *
   * @default Duration.seconds(10)
   */
  readonly timeout?: Duration;

  /**
   * Most deliveries per second, over all senders. Beyond it they are answered with 429, and come again.
   *
   * @default 500
   */
  readonly rateLimit?: number;

  /**
   * Most deliveries at once beyond the rate.
   *
   * @default 1000
   */
  readonly burstLimit?: number;
}
