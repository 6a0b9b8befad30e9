import { audit } from '../audit/audit.js';
import { backlogGate } from '../audit/backlog.js';
import { chargesOf } from '../audit/charges.js';
import { failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { type Journal, openJournal, readJournal } from '../audit/journal.js';
import { DriveError } from '../drive-error.js';
import { faultShare } from '../faults/fault-shares.js';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.js';
import { killsInWords, waitInWords } from '../faults/kills.js';
import { linesSkipped } from '../input/source.js';
import type { FaultKind } from '../options.js';
import { grouped } from '../report.js';
import { paymentClient } from './client.js';
import { outputOf } from './outputs.js';
import type { TrafficPath, World } from './path.js';
import { settlementSide } from './settlement-side.js';
import { driveTraffic, type Traffic } from './traffic.js';

/** Purchases through `POST /payments` and the FIFO channel to the settlement function. */
export function paymentsPath(world: World): TrafficPath {
  const { options, target, sqs, undo, alive } = world;
  const share = (kind: FaultKind) => (options.faults.has(kind) ? faultShare : 0);
  const side = settlementSide(world, '');
  const { figures, killer, duplicates } = side;
  let traffic: Traffic = { sent: 0, retries: 0 };
  const answers = new Map<string, number>();
  let proxy: FaultProxy | undefined;
  let journal: Journal | undefined;

  return {
    functionName: side.functionName,
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => figures.add(invocation),
    look: () => side.look(),
    state: () => ({
      name: 'payments',
      live: { retries: traffic.retries, ...side.live() },
      done: traffic.sent,
      total: world.count,
      note:
        target.polls === 'runner'
          ? `${waitInWords(killer)}${grouped(traffic.retries)} retries, ${grouped(figures.delivered)} delivered, ${grouped(figures.suppressed)} duplicates suppressed, ${killer.killed} killed`
          : `${grouped(traffic.retries)} retries`,
    }),

    async send() {
      const apiUrl = target.httpUrl(outputOf(world.outputs, 'ApiUrl'));
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
          gate: backlogGate(sqs, side.queueUrl, alive),
          onAccepted: (so) => (traffic = so),
        });
      } finally {
        await journal.close();
      }
    },

    async audit() {
      if (journal === undefined) throw new DriveError('nothing was sent yet: call send before audit');
      const entries = await readJournal(journal.file);
      const evidence = await side.evidence(entries);
      return {
        ...audit(evidence),
        ...{ name: 'payments', sent: entries.length, retries: traffic.retries },
        ...reportedFigures(figures, target, entries.length),
        killed: killer.killed,
        charges: chargesOf(entries, evidence.effects),
        notes: [
          ...(world.skipped > 0 ? [`input: ${linesSkipped(world.skipped)}`] : []),
          `faults: ${faultsInWords(proxy, duplicates.sent)}`,
          ...killsInWords(killer, !options.sideBySide),
          ...failuresInWords(figures, killer.killed + killer.inWake),
          ...[...answers].map(([failure, count]) => `${count} requests repeated because of ${failure}`),
        ],
      };
    },
  };
}

function faultsInWords(proxy: FaultProxy | undefined, duplicates: number): string {
  if (proxy === undefined) return 'none';
  const { lostRequests, lostAnswers } = proxy.stats;
  return `${grouped(lostRequests)} requests lost, ${grouped(lostAnswers)} answers lost, ${grouped(duplicates)} duplicates put on the queue`;
}
