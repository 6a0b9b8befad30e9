import type { DynamoStore } from '../dedup/dynamo-store.js';
import type { Unit } from '../dedup/pack.js';
import { Transaction } from '../dedup/transaction.js';
import type { Message } from './message.js';
import type { Way } from './way.js';

/** Receipt and effects in one TransactWriteItems. */
export function transactionWay<Body>(
  store: DynamoStore,
  handle: (message: Message<Body>, tx: Transaction) => unknown,
): Way<Body, Unit> {
  return {
    async prepare({ message, id, fingerprint }, lane) {
      const tx = new Transaction();
      const result = await handle(message, tx);
      return { receipt: { id, fingerprint, result }, writes: tx.writes, lane };
    },
    commit: (units, limits) => store.commit(units, limits),
    async recall(recognised, meter) {
      const verdicts = await store.lookUp(recognised, meter);
      return new Set(recognised.filter((one) => verdicts.get(one)?.kind === 'duplicate'));
    },
  };
}
