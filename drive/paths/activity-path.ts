import { auditActivity, type ActivityEntry, readCounters } from '../audit/activity-audit.js';
import { activityEvents, eventsPerPurchase } from '../input/activity-events.js';
import { type ActivityTraffic, sendActivity } from './activity-sender.js';
import { backlogGate } from '../audit/backlog.js';
import { consumerFigures, failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { queueDepth, takeDeadLetters } from '../audit/dead-letters.js';
import { DriveError } from '../drive-error.js';
import { faultShare, killShare } from '../faults/fault-shares.js';
import { type LineFile, lineFile } from '../audit/journal.js';
import { kills, killsInWords, waitInWords } from '../faults/kills.js';
import { outputOf } from './outputs.js';
import type { TrafficPath, World } from './path.js';
import { grouped } from '../report.js';

/** What customers did, through the Standard channel to the counting function. */
export function activityPath(world: World): TrafficPath {
  const { options, target, dynamo, sqs, alive } = world;
  const output = (name: string) => outputOf(world.outputs, name);
  const functionName = output('ActivityFunctionName');
  const queueUrl = output('ActivityQueueUrl');
  const deadLetterQueueUrl = output('ActivityDeadLetterQueueUrl');
  const table = output('ActivityTableName');
  const figures = consumerFigures(functionName);
  const killer = kills({
    ...{ functionName, seed: options.seed, workers: world.workers },
    // Per purchase, as on the other path.
    share: options.faults.has('kill') ? killShare / eventsPerPurchase : 0,
  });
  let traffic: ActivityTraffic = { sent: 0, duplicates: 0, retries: 0 };
  let journal: LineFile<ActivityEntry> | undefined;

  return {
    functionName,
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => figures.add(invocation),
    state: () => ({
      name: 'activity',
      done: traffic.sent,
      total: 2 * world.count,
      note:
        target.polls === 'runner'
          ? `${waitInWords(killer)}${grouped(figures.delivered)} delivered, ${killer.killed} killed`
          : '',
    }),

    async send() {
      journal = await lineFile<ActivityEntry>(world.folder, 'activity.jsonl');
      try {
        traffic = await sendActivity({
          ...{ sqs, queueUrl, journal, seed: options.seed },
          events: activityEvents(world.purchases(), options.seed),
          duplicates: options.faults.has('duplicates') ? faultShare : 0,
          gate: backlogGate(sqs, queueUrl, alive),
          onSent: (so) => (traffic = so),
        });
      } finally {
        await journal.close();
      }
    },

    async audit() {
      if (journal === undefined) throw new DriveError('nothing was sent yet: call send before audit');
      const found = await auditActivity({
        journal: journal.read(),
        counters: await readCounters(dynamo, table),
        dead: await takeDeadLetters(sqs, deadLetterQueueUrl),
        leftInQueue: await queueDepth(sqs, queueUrl),
      });
      return {
        ...found,
        ...{ name: 'activity', retries: traffic.retries },
        ...reportedFigures(figures, target, found.sent),
        notes: [
          ...(traffic.duplicates > 0
            ? [`faults: ${grouped(traffic.duplicates)} duplicates put on the queue`]
            : ['faults: none']),
          ...killsInWords(killer),
          ...failuresInWords(figures, killer.killed + killer.inWake),
        ],
      };
    },
  };
}
