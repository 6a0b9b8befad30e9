import type { Leases } from '../dedup/effect.js';
import type { ConditionFailed } from '../dedup/errors.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified, Way } from '../dedup/way.js';
import type { DynamoStore } from './dynamo-store.js';
import { commitHandlings, Handling, type HandlingOutcome } from './handling.js';
import type { Transaction } from './transaction.js';

export interface Handlers<Message> {
  readonly handle: (message: Message, tx: Transaction) => unknown;
  readonly onConditionFailed?: (failed: ConditionFailed, message: Message, tx: Transaction) => unknown;
}

/** Receipt and effects in one TransactWriteItems. */
export function transactionWay<
  Message extends { readonly key: string },
  Source extends Identified & { readonly message: Message },
>(
  store: DynamoStore,
  { handle, onConditionFailed }: Handlers<Message>,
  onceFor?: ReturnType<Leases>,
): Way<Source, Handling> {
  return {
    async prepare({ message, id, fingerprint }, { lane, limits }) {
      const remainingMs = () => limits().deadline - Date.now();
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
    async commit(handlings, limits) {
      const outcomes = new Map<Handling, Outcome>();
      for (const [handling, outcome] of await commitHandlings(store, handlings, limits)) {
        const said = outcomeOf(outcome);
        if (said !== undefined) outcomes.set(handling, said);
      }
      return { outcomes };
    },
    async recall(messages, { meter }) {
      const verdicts = await store.lookUp(messages, meter);
      const found = new Map<Source, Outcome>();
      for (const message of messages) {
        const verdict = verdicts.get(message);
        if (verdict?.kind === 'duplicate') found.set(message, { kind: 'duplicate', result: verdict.result });
        if (verdict?.kind === 'reused') found.set(message, { kind: 'rejected', error: verdict.error });
      }
      return found;
    },
  };
}

export function outcomeOf(outcome: HandlingOutcome): Outcome | undefined {
  switch (outcome.kind) {
    case 'held':
      return undefined;
    case 'processed':
    case 'duplicate':
      return outcome;
    default:
      return { kind: outcome.kind === 'failed' ? 'retry' : 'rejected', error: outcome.error };
  }
}
