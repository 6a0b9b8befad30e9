import type { Api } from '../../api/keyed-api.js';
import { fingerprintOf } from '../../dedup/fingerprint.js';
import { PostgresExecutionStore } from '../../postgres/execution-store.js';
import type { PostgresTx } from '../../postgres/transaction.js';
import { takeState } from '../../postgres/watermarks.js';
import { assertSources } from '../assert-options.js';
import { publishedBy } from '../published.js';
import { keyedReceiver } from '../receiver.js';
import { comparable } from '../state.js';
import type { PostgresWebhookReceiverOptions } from './options.js';

/**
 * Takes webhooks, with their effects in Postgres: each event acts once per source, however often, in whatever order
 * and under whatever delivery ids it comes.
 *
 * Guarantees what `webhookReceiver` does: a signature is checked over the raw bytes before anything of a delivery is
 * believed, and what an event publishes, and what `handle` writes through its transaction, is committed once within
 * the window, in one step with the receipt of (source, event). A COMMIT whose answer was lost is looked up on another
 * connection. A copy of an event that is under way waits for it, as long as its time allows.
 *
 * Does not guarantee what `webhookReceiver` does not, nor anything behind a standby that had not received the commit
 * when it took over.
 *
 * @returns an API, for `httpApiHandler` or `functionUrlHandler` of exactly-once-aws/api/postgres.
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function postgresWebhookReceiver(options: PostgresWebhookReceiverOptions): Api {
  assertSources(options);
  const { settings, pool, isolation, outbox, handle } = options;
  const { receiverName, windowSeconds } = settings;
  return keyedReceiver<PostgresTx>(options, {
    store: new PostgresExecutionStore({ pool, windowSeconds, isolation }),
    async act(source, event, tx) {
      const state = source.states?.[event.type]?.(event);
      if (state !== undefined) {
        const { entity, version } = comparable(event.type, state);
        const id = fingerprintOf([event.source, event.type, entity]);
        if (!(await takeState(tx, { consumer: receiverName, id, version }))) return false;
      }
      await handle?.(event, tx);
      if (outbox !== undefined) {
        const { kind, name, ...published } = publishedBy(source, event);
        const port = {
          executeSql: async (text: string, values: readonly unknown[]) => tx.query(text, values),
        };
        await outbox.publish(port, { ...published, aggregate: { kind, name } });
      }
      return true;
    },
  });
}
