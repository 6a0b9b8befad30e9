import { setTimeout as sleep } from 'node:timers/promises';
import { auditActivity, type ActivityEntry, readCounters } from '../audit/activity-audit.js';
import { consumerFigures, failuresInWords, reportedFigures } from '../audit/consumer-figures.js';
import { queueDepth, takeDeadLetters } from '../audit/dead-letters.js';
import { type LineFile, lineFile } from '../audit/journal.js';
import { DriveError } from '../drive-error.js';
import { killShare } from '../faults/fault-shares.js';
import { kills, killsInWords, waitInWords } from '../faults/kills.js';
import { startThrottleProxy, type ThrottleProxy } from '../faults/throttle-proxy.js';
import {
  type ActivityEvent,
  activityEvents,
  counterOf,
  eventsPerPurchase,
} from '../input/activity-events.js';
import { grouped } from '../report.js';
import { outputOf } from './outputs.js';
import type { TrafficPath, World } from './path.js';
import { startProducer } from './producer.js';

const batchSize = 5;
/** Between two batches, so that a run has a before and an after. */
const pauseMs = 30;
/** Of the entries of each call to FIFO that are taken while it throttles. */
const takenShare = 0.2;
/** How long FIFO throttles before the sender spills. A sender in production waits for minutes. */
const spillAfterMs = 400;

/**
 * What customers did, through a FIFO queue that throttles in the middle of the run, with a Standard queue that takes
 * what it does not. One handler counts on both.
 */
export function spilloverPath(world: World): TrafficPath {
  const { options, target, dynamo, sqs } = world;
  const output = (name: string) => outputOf(world.outputs, `Spillover${name}`);
  const functionNames = [output('FifoFunctionName'), output('StandardFunctionName')] as const;
  const sides = functionNames.map(consumerFigures);
  const killer = kills({
    ...{ functionName: functionNames[0], seed: options.seed, workers: world.workers },
    share: options.faults.has('kill') ? killShare / eventsPerPurchase : 0,
  });
  const total = eventsPerPurchase * world.count;
  const figures = { sent: 0, spilled: 0, throttled: 0, back: 0 };
  let journal: LineFile<ActivityEntry> | undefined;
  let proxy: ThrottleProxy | undefined;

  /** In the middle third. */
  const throttles = () => figures.sent >= total / 3 && figures.sent < (2 * total) / 3;

  async function sendAll(events: AsyncIterable<ActivityEvent>, endpoint: string): Promise<void> {
    const { region, credentials } = target.client;
    const { accessKeyId, secretAccessKey } = credentials as { accessKeyId: string; secretAccessKey: string };
    const producer = startProducer({
      ...{ AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      AWS_ENDPOINT_URL: endpoint,
      EXACTLY_ONCE_CHANNEL_QUEUE_URL: output('FifoQueueUrl'),
      EXACTLY_ONCE_CHANNEL_SPILLOVER_QUEUE_URL: output('StandardQueueUrl'),
      SPILL_AFTER_MS: String(spillAfterMs),
    });
    world.undo('stop the producer', () => producer.stop());
    let batch: ActivityEvent[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      // Written down before it is sent: what the producer loses, shows.
      await journal?.append(batch.map((event) => ({ eventId: event.eventId, counter: counterOf(event) })));
      const so = await producer.send(batch);
      for (const name of ['spilled', 'throttled', 'back'] as const) figures[name] += so[name];
      figures.sent += batch.length;
      batch = [];
      await sleep(pauseMs);
    };
    for await (const event of events) if (batch.push(event) === batchSize) await flush();
    await flush();
    await producer.stop();
  }

  return {
    functionName: functionNames[0],
    otherFunctions: [functionNames[1]],
    onStart: (start) => killer.onStart(start),
    onInvocation: (invocation) => sides.forEach((side) => side.add(invocation)),
    state: () => ({
      name: 'spillover',
      done: figures.sent,
      total,
      note: `${waitInWords(killer)}${throttles() ? 'FIFO throttles, ' : ''}${grouped(figures.spilled)} spilled`,
    }),

    async send() {
      const { endpoint } = target;
      if (endpoint === undefined)
        throw new DriveError('throttling needs a target with an endpoint: an emulator');
      journal = await lineFile<ActivityEntry>(world.folder, 'spillover.jsonl');
      proxy = await startThrottleProxy({
        upstream: endpoint,
        taken: (entries) => (throttles() ? Math.floor(entries * takenShare) : entries),
      });
      const { stop } = proxy;
      world.undo('stop the throttling proxy', stop);
      try {
        await sendAll(activityEvents(world.purchases(), options.seed), proxy.url);
      } finally {
        await journal.close();
      }
    },

    async audit() {
      if (journal === undefined) throw new DriveError('nothing was sent yet: call send before audit');
      const [dead, left] = await Promise.all([
        Promise.all(
          ['Fifo', 'Standard'].map(async (side) => takeDeadLetters(sqs, output(`${side}DeadLetterQueueUrl`))),
        ),
        Promise.all(['Fifo', 'Standard'].map(async (side) => queueDepth(sqs, output(`${side}QueueUrl`)))),
      ]);
      const found = await auditActivity({
        journal: journal.read(),
        counters: await readCounters(dynamo, output('TableName')),
        dead: dead.flat(),
        leftInQueue: left.reduce((sum, depth) => sum + depth, 0),
      });
      const [first, second] = sides.map((side) => reportedFigures(side, target, found.sent));
      const sum = (name: 'delivered' | 'suppressed' | 'wruPerMessage') => {
        const [a, b] = [first?.[name], second?.[name]];
        return a === undefined || b === undefined ? undefined : a + b;
      };
      return {
        ...found,
        ...{ name: 'spillover', retries: 0 },
        ...{
          delivered: sum('delivered'),
          suppressed: sum('suppressed'),
          wruPerMessage: sum('wruPerMessage'),
        },
        // A run in which nothing was spilled, or which did not come back, has shown nothing (R58).
        ...(figures.spilled === 0 || figures.back === 0
          ? {
              verdict: 'violated' as const,
              findings: [
                ...found.findings,
                `not conclusive: ${figures.spilled} spilled, ${figures.back} times back; send more with --messages`,
              ],
            }
          : {}),
        notes: [
          `faults: FIFO throttled ${grouped(proxy?.stats.entries ?? 0)} entries in ${grouped(proxy?.stats.calls ?? 0)} calls; ${grouped(figures.spilled)} events spilled to Standard, back on FIFO ${figures.back} times`,
          ...killsInWords(killer),
          ...sides.flatMap((side, index) =>
            failuresInWords(side, index === 0 ? killer.killed + killer.inWake : 0),
          ),
        ],
      };
    },
  };
}
