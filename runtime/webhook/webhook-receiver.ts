import type { Api } from '../api/keyed-api.js';
import { DynamoExecutionStore } from '../dynamodb/execution-store.js';
import { newClient } from '../dynamodb/new-client.js';
import { table } from '../dynamodb/table.js';
import type { Transaction } from '../dynamodb/transaction.js';
import { assertSources } from './assert-options.js';
import type { WebhookReceiverOptions } from './options.js';
import { publishedBy } from './published.js';
import { keyedReceiver } from './receiver.js';
import { watermarkOf } from './watermark.js';

/**
 * Takes webhooks: each event acts once per source, however often, in whatever order and under whatever delivery ids
 * it comes.
 *
 * Guarantees: a signature is checked over the raw bytes before anything of a delivery is believed. What an event
 * publishes, and what `handle` puts into its transaction, is committed once within the window, in one step with the
 * receipt of (source, event); the sender has its answer when it is committed, and not before. A delivery that is not
 * taken leaves nothing, and is answered so that its sender comes again, or knows why not: docs/webhook.md has the
 * table.
 *
 * Does not guarantee: the order of the sender, which no sender keeps: see `entity` and `states`; anything about an
 * event that comes again after the window; that a sender whose signature leaves its ids or times out cannot be
 * replayed to afterwards.
 *
 * @returns an API, for `httpApiHandler` or `functionUrlHandler` of exactly-once-aws/api.
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function webhookReceiver(options: WebhookReceiverOptions): Api {
  assertSources(options);
  const { settings, dynamodb: client = newClient(), outbox, handle } = options;
  const { dedupTable: tableName, windowSeconds: retentionSeconds } = settings;
  const receipts = table({ name: tableName, partitionKey: 'id' });
  return keyedReceiver<Transaction>(options, {
    store: new DynamoExecutionStore({ client, tableName, retentionSeconds }),
    async act(source, event, tx) {
      const state = source.states?.[event.type]?.(event);
      if (state !== undefined) {
        const { key, change } = watermarkOf(settings.receiverName, event, state);
        tx.update(receipts, key, change);
      }
      if (outbox !== undefined) {
        const { kind, name, ...published } = publishedBy(source, event);
        const aggregate = { table: receipts, key: { id: event.id }, kind, name };
        tx.publish(outbox, { ...published, aggregate });
      }
      await handle?.(event, tx);
      return true;
    },
    isStale: (failed) => failed.tableName === receipts.name,
  });
}
