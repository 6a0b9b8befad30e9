import { consumerFigures, failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { queueDepth, takeDeadLetters } from '../audit/dead-letters.js';
import { readEffects } from '../audit/effects.js';
import { killShare } from '../faults/fault-shares.js';
import { kills, killsInWords, waitInWords } from '../faults/kills.js';
import { outputOf } from './outputs.js';
import type { TrafficPath, World } from './path.js';
import { grouped } from '../report.js';
import { auditViews, readSettledEvents, readViews } from '../audit/views-audit.js';

/**
 * Settled payments, through the outbox and its relay to one of their readers. Nothing is sent here: what is read is
 * what the settlement has published.
 */
export function viewsPath(world: World, name: 'statements' | 'notifications'): TrafficPath {
  const { options, target, dynamo, sqs } = world;
  const output = (suffix: string) => outputOf(world.outputs, suffix);
  const prefix = name === 'statements' ? 'Statements' : 'Notifications';
  const functionName = output(`${prefix}FunctionName`);
  const figures = consumerFigures(functionName);
  const killer = kills({
    ...{ functionName, seed: options.seed, workers: world.workers },
    share: options.faults.has('kill') ? killShare : 0,
  });
  return {
    functionName,
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => figures.add(invocation),
    state: () => ({
      name,
      done: Math.min(world.count, figures.delivered),
      total: world.count,
      note:
        target.polls === 'runner'
          ? `${waitInWords(killer)}${grouped(figures.delivered)} delivered, ${killer.killed} killed`
          : '',
    }),
    send: () => Promise.resolve(),
    async audit() {
      const { payments } = await readEffects(dynamo, {
        payments: output('PaymentsTableName'),
        accounts: output('AccountsTableName'),
        shop: output('ShopTableName'),
      });
      const found = auditViews({
        events: await readSettledEvents(dynamo, output('OutboxTableName')),
        settled: new Map([...payments].map(([id, { settlements }]) => [id, settlements])),
        views: await readViews(dynamo, output('ViewsTableName'), name.slice(0, -1)),
        dead: await takeDeadLetters(sqs, output(`${prefix}DeadLetterQueueUrl`)),
        leftInQueue: await queueDepth(sqs, output(`${prefix}QueueUrl`)),
      });
      return {
        ...found,
        ...{ name, retries: 0 },
        ...reportedFigures(figures, target, found.sent),
        notes: [...killsInWords(killer), ...failuresInWords(figures, killer.killed)],
      };
    },
  };
}
