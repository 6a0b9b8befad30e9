import type { DynamoStore } from './dynamo-store.js';
import type { Leases } from '../dedup/effect.js';
import type { ConditionFailed } from '../dedup/errors.js';
import { commitHandlings, Handling } from './handling.js';
import type { Transaction } from './transaction.js';
import type { Message } from '../consumer/message.js';
import type { Way } from '../consumer/way.js';

export interface Handlers<Body> {
  readonly handle: (message: Message<Body>, tx: Transaction) => unknown;
  readonly onConditionFailed?: (failed: ConditionFailed, message: Message<Body>, tx: Transaction) => unknown;
}

/** Receipt and effects in one TransactWriteItems. */
export function transactionWay<Body>(
  store: DynamoStore,
  { handle, onConditionFailed }: Handlers<Body>,
  onceFor?: ReturnType<Leases>,
): Way<Body, Handling> {
  return {
    async prepare({ message, id, fingerprint }, lane, remainingMs) {
      const once = onceFor?.(message.key, remainingMs, fingerprint);
      const handling = new Handling(store, {
        receipt: { id, fingerprint },
        lane,
        handle: (tx) => {
          tx.lease(once);
          return handle(message, tx);
        },
        onConditionFailed:
          onConditionFailed &&
          ((failed, tx) => {
            tx.lease(once);
            return onConditionFailed(failed, message, tx);
          }),
      });
      await handling.run();
      return handling;
    },
    commit: (handlings, limits) => commitHandlings(store, handlings, limits),
    async recall(recognised, meter) {
      const verdicts = await store.lookUp(recognised, meter);
      return new Set(recognised.filter((one) => verdicts.get(one)?.kind === 'duplicate'));
    },
  };
}
