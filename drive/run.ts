import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { deployStack } from '../local/deploy.js';
import { startEmbedded } from '../local/embedded.js';
import { startEventSourceRunner } from '../local/event-source/index.js';
import type { Target } from '../local/target.js';
import type { Cleanup } from './cleanup.js';
import { NotDrainedError } from './drive-error.js';
import { temporaryFolder } from './journal.js';
import type { RunOptions } from './options.js';
import type { World } from './path.js';
import { paymentsPath } from './payments-path.js';
import type { Progress } from './progress.js';
import type { RunReport } from './report.js';
import { unlessAborted } from './unless-aborted.js';

/** How long nothing may arrive before the queue counts as drained, and before a stuck one as stuck. */
const quietMs = 1000;
const stuckMs = 300_000;
const tellEveryMs = 200;
/** How long the reason of a failure may come after the failure. */
const reasonMs = 1500;

export interface Run {
  readonly report: RunReport;
  readonly target: Target;
  readonly outputs: Readonly<Record<string, string>>;
  /** Aborts when the run is interrupted or the target ended by itself. */
  readonly alive: AbortSignal;
}

/**
 * One whole run: start the target, deploy, send, wait until the queue is drained, audit. What it started is added to
 * `undo` as soon as it exists and keeps running when this returns.
 *
 * @throws DriveError, LocalTargetError, or the signal's reason when aborted
 */
export async function run(
  options: RunOptions,
  progress: Progress,
  undo: Cleanup,
  signal: AbortSignal,
): Promise<Run> {
  const started = performance.now();
  const world = await setUp(options, progress, undo, signal);
  const { target, outputs, alive } = world;
  try {
    const report = await driveAndAudit(world, progress, undo, started);
    return { report, target, outputs, alive };
  } catch (error) {
    // A target that ends by itself first shows as a broken connection somewhere.
    if (!alive.aborted) await Promise.race([once(alive, 'abort'), sleep(reasonMs)]);
    throw alive.aborted ? alive.reason : error;
  }
}

async function driveAndAudit(
  world: World,
  progress: Progress,
  undo: Cleanup,
  started: number,
): Promise<RunReport> {
  const { target, options, alive } = world;
  const paths = [paymentsPath(world)];
  let lastInvocation = performance.now();
  const starting = startEventSourceRunner(target, {
    functionNames: paths.map(({ functionName }) => functionName),
    onInvocation: (invocation) => {
      lastInvocation = performance.now();
      for (const path of paths) path.onInvocation(invocation);
    },
  });
  undo.add('stop the event-source runner', async () => (await starting.catch(() => undefined))?.stop());
  const runner = await unlessAborted(starting, alive);

  const trafficStart = performance.now();
  const tell = (phase: string) => () =>
    progress.now(`${phase}: ${paths.map((path) => path.state()).join('; ')}`);
  await repeating(tell('traffic'), Promise.all(paths.map((path) => path.send())), alive);

  const tailStart = performance.now();
  await repeating(
    () => {
      tell('draining')();
      const stillMs = performance.now() - Math.max(tailStart, lastInvocation);
      if (stillMs > stuckMs)
        throw new NotDrainedError(
          `the queue is not empty but nothing was delivered for ${stuckMs / 1000} s: the target is stuck, start again`,
        );
    },
    runner.idle(quietMs),
    alive,
  );
  progress.now('auditing');
  const reports = await unlessAborted(Promise.all(paths.map((path) => path.audit())), alive);
  const end = performance.now();
  progress.settle();
  const seconds = {
    setUp: (trafficStart - started) / 1000,
    traffic: (tailStart - trafficStart) / 1000,
    tail: (end - tailStart) / 1000,
  };
  return { target: target.name, seed: options.seed, paths: reports, seconds };
}

async function setUp(
  options: RunOptions,
  progress: Progress,
  undo: Cleanup,
  signal: AbortSignal,
): Promise<World> {
  const log = (line: string) => progress.line(line);
  progress.now('starting the emulator');
  const starting = startEmbedded({ log });
  let deploying: Promise<unknown> = Promise.resolve();
  // Undone last: an interrupted deployment fails, and cleans up behind it, once its target is gone.
  undo.add('end the deployment', () => deploying.catch(() => undefined));
  undo.add('stop the emulator', async () => (await starting.catch(() => undefined))?.stop());
  const target = await unlessAborted(starting, signal);
  const died = new AbortController();
  void target.ended.then((error) => error && died.abort(error));
  const alive = AbortSignal.any([signal, died.signal]);

  progress.now('deploying the stack');
  // The runner plays the event source: the emulator's own mappings are not faithful.
  const context = {
    disposable: 'true',
    polling: 'false',
    ...(options.unprotected ? { unprotected: 'true' } : {}),
  };
  const deployment = deployStack(target, { context, log });
  deploying = deployment;
  const outputs = await unlessAborted(deployment, alive);

  const dynamo = new DynamoDBClient(target.client);
  const sqs = new SQSClient(target.client);
  undo.add('close the clients', () => {
    dynamo.destroy();
    sqs.destroy();
  });
  const folder = temporaryFolder();
  undo.add('remove the journal', folder.remove);
  return {
    ...{ options, target, outputs, dynamo, sqs, folder: folder.path, alive },
    undo: (what, how) => undo.add(what, how),
  };
}

/** Calls `watch` every 200 ms until `work` has settled; what it throws ends the wait. */
async function repeating<T>(watch: () => void, work: Promise<T>, alive: AbortSignal): Promise<T> {
  const done = new AbortController();
  const watching = async (): Promise<never> => {
    for (;;) {
      await sleep(tellEveryMs, undefined, { signal: done.signal });
      watch();
    }
  };
  try {
    return await unlessAborted(Promise.race([work, watching()]), alive);
  } finally {
    done.abort();
  }
}
