import type { Isolation } from '../../postgres/begin.js';
import type { PostgresPool } from '../../postgres/client.js';
import type { PostgresOutbox } from '../../postgres/outbox/publish.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import type { ReceiverOptions } from '../options.js';
import type { ReceiverSettings } from '../settings.js';

/** What the function of a receiver on Postgres needs to know at run time. */
export type PostgresWebhookSettings = ReceiverSettings;

export interface PostgresWebhookReceiverOptions extends ReceiverOptions<PostgresTx> {
  /** `postgresWebhookSettings(process.env)`, or by hand. */
  readonly settings: PostgresWebhookSettings;
  /** Connections to the database: a `Pool` of `pg`, made once per process. A delivery at work has one of them. */
  readonly pool: PostgresPool;
  /** As of `postgresConsumer`. @default 'repeatable read' */
  readonly isolation?: Isolation;
  /**
   * Where events are published, in the commit of their receipt: `postgresOutbox`. Types are `<source>.<type>`, data
   * is the sender's. Published after `handle` has written, because an aggregate is locked from then on.
   */
  readonly outbox?: PostgresOutbox;
}
