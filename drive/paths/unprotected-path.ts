import { audit } from '../audit/audit.js';
import { chargesOf } from '../audit/charges.js';
import { failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { journalFile, readJournal } from '../audit/journal.js';
import { killsInWords, waitInWords } from '../faults/kills.js';
import { grouped } from '../report.js';
import type { TrafficPath, World } from './path.js';
import { settlementSide } from './settlement-side.js';

/**
 * The twin of the settlement that keeps no receipts. The relay feeds it with the same events; it gets as many
 * duplicates and kills. Nothing but what shows the difference: what goes wrong here is no violation.
 */
export function unprotectedPath(world: World): TrafficPath {
  const side = settlementSide(world, 'Unprotected');
  const { figures, killer, duplicates } = side;
  return {
    functionName: side.functionName,
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => figures.add(invocation),
    look: () => side.look(),
    state: () => ({
      name: 'unprotected',
      live: side.live(),
      done: Math.min(world.count, figures.delivered),
      total: world.count,
      note:
        world.target.polls === 'runner'
          ? `${waitInWords(killer)}${grouped(figures.delivered)} delivered, ${killer.killed} killed`
          : '',
    }),
    async send() {
      for await (const purchase of world.purchases()) await duplicates.afterAccepted(purchase);
      await duplicates.flush();
    },
    async audit() {
      const journal = await readJournal(journalFile(world.folder));
      const evidence = await side.evidence(journal);
      return {
        ...audit(evidence),
        ...{ name: 'unprotected', sent: journal.length, retries: 0, comparison: true },
        ...reportedFigures(figures, world.target, journal.length),
        killed: killer.killed,
        charges: chargesOf(journal, evidence.effects),
        notes: [
          `faults: ${grouped(duplicates.sent)} duplicates put on the queue`,
          ...killsInWords(killer, false),
          ...failuresInWords(figures, killer.killed + killer.inWake),
        ],
      };
    },
  };
}
