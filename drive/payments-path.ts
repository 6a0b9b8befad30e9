import { audit } from './audit.js';
import { paymentClient } from './client.js';
import { type ConsumerFigures, consumerFigures } from './consumer-figures.js';
import { queueDepth, takeDeadLetters } from './dead-letters.js';
import { DriveError } from './drive-error.js';
import { readEffects } from './effects.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { type Journal, openJournal, readJournal } from './journal.js';
import type { FaultSet } from './options.js';
import type { TrafficPath, World } from './path.js';
import { readPurchases } from './purchases.js';
import { queueDuplicates } from './queue-duplicates.js';
import { grouped } from './report.js';
import { driveTraffic, type Traffic } from './traffic.js';

/** Shares of requests lost, answers lost, and payments put on the queue again. */
const faultSets: Record<FaultSet, { loseRequest: number; loseAnswer: number; duplicates: number }> = {
  none: { loseRequest: 0, loseAnswer: 0, duplicates: 0 },
  all: { loseRequest: 0.05, loseAnswer: 0.05, duplicates: 0.05 },
};

/** Purchases through `POST /payments` and the FIFO channel to the settlement function. */
export function paymentsPath(world: World): TrafficPath {
  const { options, target, dynamo, sqs, undo, alive } = world;
  const stack = outputsOf(world.outputs);
  const faults = faultSets[options.faults];
  const figures = consumerFigures(stack.functionName);
  const duplicates = queueDuplicates({
    ...{ sqs, queueUrl: stack.queueUrl, seed: options.seed, share: faults.duplicates },
  });
  let traffic: Traffic = { sent: 0, retries: 0 };
  const answers = new Map<string, number>();
  let proxy: FaultProxy | undefined;
  let journal: Journal | undefined;

  return {
    functionName: stack.functionName,
    onInvocation: (invocation) => figures.add(invocation),
    state: () =>
      `${grouped(traffic.sent)} of ${grouped(options.messages)} sent, ${grouped(traffic.retries)} retries, ` +
      `${grouped(figures.delivered)} delivered, ${grouped(figures.suppressed)} duplicates suppressed`,

    async send() {
      const apiUrl = target.httpUrl(stack.apiUrl);
      if (options.faults !== 'none') {
        proxy = await startFaultProxy({ upstream: new URL(apiUrl).origin, seed: options.seed, ...faults });
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
      const purchases = readPurchases(options.messages);
      try {
        traffic = await driveTraffic({
          ...{ purchases, client, journal, duplicates, signal: alive },
          onAccepted: (so) => (traffic = so),
        });
      } finally {
        await journal.close();
      }
    },

    async audit() {
      if (journal === undefined) throw new DriveError('nothing was sent yet: call send before audit');
      const entries = await readJournal(journal.file);
      const found = audit({
        journal: entries,
        effects: await readEffects(dynamo, stack.tables),
        dead: await takeDeadLetters(sqs, stack.deadLetterQueueUrl),
        leftInQueue: await queueDepth(sqs, stack.queueUrl),
      });
      const { delivered, suppressed, writeUnits } = figures;
      return {
        ...found,
        ...{ name: 'payments', sent: entries.length, retries: traffic.retries, delivered, suppressed },
        wruPerMessage: writeUnits / entries.length,
        notes: [`faults: ${faultsInWords(proxy, duplicates.sent)}`, ...mishaps(figures, answers)],
      };
    },
  };
}

/** What went wrong without being asked for. */
function mishaps(figures: ConsumerFigures, answers: ReadonlyMap<string, number>): string[] {
  const unreported = figures.completed - figures.reported;
  return [
    ...[...figures.failures].map(([reason, count]) => `${count} invocations failed: ${reason}`),
    ...[...answers].map(([failure, count]) => `${count} requests repeated because of ${failure}`),
    ...(unreported > 0
      ? [`${unreported} invocations printed no figures: suppressed and WRU lack theirs`]
      : []),
  ];
}

function outputsOf(outputs: Readonly<Record<string, string>>) {
  const output = (name: string): string => {
    const value = outputs[name];
    if (value === undefined || value === '')
      throw new DriveError(
        `the deployed stack has no output ${name}, only ${Object.keys(outputs).join(', ')}: add it in bin/`,
      );
    return value;
  };
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

function faultsInWords(proxy: FaultProxy | undefined, duplicates: number): string {
  if (proxy === undefined) return 'none';
  const { lostRequests, lostAnswers } = proxy.stats;
  return `${grouped(lostRequests)} requests lost, ${grouped(lostAnswers)} answers lost, ${grouped(duplicates)} duplicates put on the queue`;
}
