/**
 * A receiver of webhooks whose receipts and effects are in Postgres. The tables are those of
 * exactly-once-aws/postgres; the package `pg` is yours to bring. Schemes, secrets and whatever else a source is made
 * of are of exactly-once-aws/webhook.
 */
export { postgresWebhookReceiver } from './webhook-receiver.js';
export type { PostgresWebhookReceiverOptions, PostgresWebhookSettings } from './options.js';
export { postgresWebhookSettings } from '../settings.js';
