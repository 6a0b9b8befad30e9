import type { InvocationStart } from '../../targets/event-source/index.js';
import { audit } from '../audit/audit.js';
import { backlogGate } from '../audit/backlog.js';
import { paymentClient } from './client.js';
import { consumerFigures, failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { queueDepth, takeDeadLetters } from '../audit/dead-letters.js';
import { DriveError } from '../drive-error.js';
import { actedPayments, readEffects } from '../audit/effects.js';
import { faultShare, killShare } from '../faults/fault-shares.js';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.js';
import { type Journal, openJournal, readJournal } from '../audit/journal.js';
import { isFirstDelivery, kills, killsInWords } from '../faults/kills.js';
import { outputOf } from './outputs.js';
import type { TrafficPath, World } from './path.js';
import type { FaultKind } from '../options.js';
import { paymentIdOf } from '../input/payment-event.js';
import { duplicateId, queueDuplicates } from './queue-duplicates.js';
import { grouped } from '../report.js';
import { linesSkipped } from '../input/source.js';
import { driveTraffic, type Traffic } from './traffic.js';

type Delivered = InvocationStart['records'][number];

/** Purchases through `POST /payments` and the FIFO channel to the settlement function. */
export function paymentsPath(world: World): TrafficPath {
  const { options, target, dynamo, sqs, undo, alive } = world;
  const stack = outputsOf(world.outputs);
  const share = (kind: FaultKind) => (options.faults.has(kind) ? faultShare : 0);
  const figures = consumerFigures(stack.functionName);
  const duplicates = queueDuplicates({
    ...{ sqs, queueUrl: stack.queueUrl, seed: options.seed, share: share('duplicates') },
  });
  const killer = kills({
    ...{ functionName: stack.functionName, seed: options.seed },
    share: options.faults.has('kill') ? killShare : 0,
    workers: world.workers,
    committed: async (records) => {
      const ids = records
        .filter(isFirstDelivery)
        .flatMap((record) => originalPaymentId(record, options.seed));
      return (await actedPayments(dynamo, stack.tables.payments, ids)).length;
    },
  });
  let traffic: Traffic = { sent: 0, retries: 0 };
  const answers = new Map<string, number>();
  let proxy: FaultProxy | undefined;
  let journal: Journal | undefined;

  return {
    functionName: stack.functionName,
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => figures.add(invocation),
    state: () =>
      `${grouped(traffic.sent)} of ${grouped(world.count)} sent, ${grouped(traffic.retries)} retries` +
      (target.polls === 'runner'
        ? `, ${grouped(figures.delivered)} delivered, ${grouped(figures.suppressed)} duplicates suppressed, ${killer.killed} killed`
        : ''),

    async send() {
      const apiUrl = target.httpUrl(stack.apiUrl);
      const lost = { loseRequest: share('requests'), loseAnswer: share('answers') };
      if (lost.loseRequest + lost.loseAnswer > 0) {
        proxy = await startFaultProxy({ upstream: new URL(apiUrl).origin, seed: options.seed, ...lost });
        undo('stop the fault proxy', () => proxy?.stop());
      }
      const client = paymentClient({
        ...{ apiUrl, through: proxy?.url, region: target.region, credentials: target.client.credentials },
        ...{ seed: options.seed, signal: alive },
        onRetry: (_, failure) => {
          // Lost connections are the proxy's doing, and counted there.
          if (failure.status !== undefined) answers.set(failure.text, (answers.get(failure.text) ?? 0) + 1);
        },
      });
      undo('close the connections to the API', () => client.close());
      journal = await openJournal(world.folder);
      try {
        traffic = await driveTraffic({
          ...{ purchases: world.purchases(), client, journal, duplicates, signal: alive },
          gate: backlogGate(sqs, stack.queueUrl, alive),
          onAccepted: (so) => (traffic = so),
        });
      } finally {
        await journal.close();
      }
    },

    async audit() {
      if (journal === undefined) throw new DriveError('nothing was sent yet: call send before audit');
      await killer.settled();
      const entries = await readJournal(journal.file);
      const found = audit({
        journal: entries,
        effects: await readEffects(dynamo, stack.tables),
        dead: await takeDeadLetters(sqs, stack.deadLetterQueueUrl),
        leftInQueue: await queueDepth(sqs, stack.queueUrl),
      });
      return {
        ...found,
        ...{ name: 'payments', sent: entries.length, retries: traffic.retries },
        ...reportedFigures(figures, target, entries.length),
        notes: [
          ...(world.skipped > 0 ? [`input: ${linesSkipped(world.skipped)}`] : []),
          `faults: ${faultsInWords(proxy, duplicates.sent)}`,
          ...killsInWords(killer),
          ...failuresInWords(figures, killer.killed + killer.inWake),
          ...[...answers].map(([failure, count]) => `${count} requests repeated because of ${failure}`),
        ],
      };
    },
  };
}

function outputsOf(outputs: Readonly<Record<string, string>>) {
  const output = (name: string) => outputOf(outputs, name);
  return {
    apiUrl: output('ApiUrl'),
    queueUrl: output('PaymentsQueueUrl'),
    deadLetterQueueUrl: output('PaymentsDeadLetterQueueUrl'),
    functionName: output('SettlementFunctionName'),
    tables: {
      payments: output('PaymentsTableName'),
      accounts: output('AccountsTableName'),
      shop: output('ShopTableName'),
    },
  };
}

/**
 * The payment of a message that is no duplicate: if that payment has acted at its first delivery, it is this
 * delivery's doing.
 */
function originalPaymentId({ body, attributes }: Delivered, seed: number): string[] {
  const paymentId = paymentIdOf(body);
  return attributes['MessageDeduplicationId'] === duplicateId(seed, paymentId) ? [] : [paymentId];
}

function faultsInWords(proxy: FaultProxy | undefined, duplicates: number): string {
  if (proxy === undefined) return 'none';
  const { lostRequests, lostAnswers } = proxy.stats;
  return `${grouped(lostRequests)} requests lost, ${grouped(lostAnswers)} answers lost, ${grouped(duplicates)} duplicates put on the queue`;
}
