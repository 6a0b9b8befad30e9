import type { InvocationStart } from '../../targets/event-source/index.js';
import type { Evidence } from '../audit/audit.js';
import { type ConsumerFigures, consumerFigures } from '../audit/consumer-figures.js';
import { queueDepth, takeDeadLetters } from '../audit/dead-letters.js';
import { actedPayments, readEffects } from '../audit/effects.js';
import type { JournalEntry } from '../audit/journal.js';
import { faultShare, killShare, killShareSideBySide } from '../faults/fault-shares.js';
import { isFirstDelivery, type Kills, kills } from '../faults/kills.js';
import { paymentIdOf } from '../input/payment-event.js';
import type { LiveFigures } from '../progress.js';
import { outputOf } from './outputs.js';
import type { World } from './path.js';
import { duplicateId, type QueueDuplicates, queueDuplicates } from './queue-duplicates.js';

/** One settlement: its queue with its duplicates, its function with its kills, and what its tables say. */
export interface SettlementSide {
  readonly queueUrl: string;
  readonly functionName: string;
  readonly figures: ReturnType<typeof consumerFigures> & ConsumerFigures;
  readonly killer: Kills;
  readonly duplicates: QueueDuplicates;
  /** Looks what has acted so far. */
  look(): Promise<void>;
  /** What is counted so far. */
  live(): LiveFigures;
  /** All that the audit needs. Takes the dead letters off their queue. */
  evidence(journal: readonly JournalEntry[]): Promise<Evidence>;
}

/** @param prefix of the names of the stack's outputs: of the settlement, or of its twin without receipts. */
export function settlementSide(world: World, prefix: '' | 'Unprotected'): SettlementSide {
  const { options, dynamo, sqs } = world;
  const { seed, faults } = options;
  const output = (name: string) => outputOf(world.outputs, `${prefix}${name}`);
  const queueUrl = output('PaymentsQueueUrl');
  const functionName = output('SettlementFunctionName');
  const tables = {
    payments: output('PaymentsTableName'),
    accounts: output('AccountsTableName'),
    shop: output('ShopTableName'),
  };
  const share = options.sideBySide ? killShareSideBySide : killShare;
  const killer = kills({
    ...{ functionName, seed },
    share: faults.has('kill') ? share : 0,
    workers: world.workers,
    ...(options.sideBySide ? { withinMs: 10_000 } : {}),
    committed: async (records) => {
      const ids = records.filter(isFirstDelivery).flatMap((record) => originalPaymentId(record, seed));
      return (await actedPayments(dynamo, tables.payments, ids)).length;
    },
  });
  const figures = consumerFigures(functionName);
  let seen: Pick<LiveFigures, 'acted' | 'doubled'> = {};
  return {
    ...{ queueUrl, functionName, killer, figures },
    async look() {
      const rows = [...(await readEffects(dynamo, tables)).payments.values()];
      const doubled = rows.filter(({ settlements }) => settlements > 1n).length;
      seen = { acted: rows.length, doubled };
    },
    live: () => ({
      ...(world.target.polls === 'runner' && {
        ...{ delivered: figures.delivered, suppressed: figures.suppressed, killed: killer.killed },
      }),
      ...seen,
    }),
    duplicates: queueDuplicates({
      ...{ sqs, queueUrl, seed, share: faults.has('duplicates') ? faultShare : 0 },
    }),
    async evidence(journal) {
      await killer.settled();
      return {
        journal,
        effects: await readEffects(dynamo, tables),
        dead: await takeDeadLetters(sqs, output('PaymentsDeadLetterQueueUrl')),
        leftInQueue: await queueDepth(sqs, queueUrl),
      };
    },
  };
}

/**
 * The payment of a message that is no duplicate: if that payment has acted at its first delivery, it is this
 * delivery's doing.
 */
function originalPaymentId({ body, attributes }: InvocationStart['records'][number], seed: number): string[] {
  const paymentId = paymentIdOf(body);
  return attributes['MessageDeduplicationId'] === duplicateId(seed, paymentId) ? [] : [paymentId];
}
