import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { deployStack, destroyStack } from '../targets/deploy.js';
import type { EmbeddedTarget } from '../targets/embedded/index.js';
import { type EventSourceRunner, startEventSourceRunner } from '../targets/event-source/index.js';
import { stackContext } from '../targets/stack-context.js';
import type { Target } from '../targets/target.js';
import { drained } from '../targets/drained.js';
import { chooseTarget, expectNoStack } from '../targets/index.js';
import { activityPath } from './paths/activity-path.js';
import type { Cleanup } from './cleanup.js';
import { temporaryFolder } from './audit/journal.js';
import { listedStreams } from './audit/listed-streams.js';
import type { RunOptions } from './options.js';
import { outputOf } from './paths/outputs.js';
import type { TrafficPath, World } from './paths/path.js';
import { paymentsPath } from './paths/payments-path.js';
import type { Progress } from './progress.js';
import { type Source, sourceOf } from './input/source.js';
import type { RunReport } from './report.js';
import { spilloverPath } from './paths/spillover-path.js';
import { stuckCheck } from './stuck.js';
import type { LiveUi } from './ui/live-ui.js';
import { unlessAborted } from './unless-aborted.js';
import { unprotectedPath } from './paths/unprotected-path.js';
import { viewsPath } from './paths/views-path.js';
import { workerProcesses } from './faults/worker-processes.js';

const stackName = 'ExactlyOnceReference';
/** How long nothing may arrive before the queue counts as drained. */
const quietMs = 1000;
/** How long streams that the relay has listed are waited for: two runs of the sweep, which comes every minute. */
const sweepsMs = 150_000;
const tellEveryMs = 200;
/**
 * Functions at work at a time, per path: on a few cores more only wait for each other, and every kill ends them all.
 */
const concurrency = 4;
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
 * @param ui shows the run while it goes on. @default - nobody looks on
 * @throws DriveError, LocalTargetError, or the signal's reason when aborted
 */
export async function run(
  options: RunOptions,
  progress: Progress,
  undo: Cleanup,
  signal: AbortSignal,
  ui?: LiveUi,
): Promise<Run> {
  const started = performance.now();
  const source = await sourceOf(options, (line) => progress.line(line));
  const world = await setUp(options, source, progress, undo, signal);
  const { target, outputs, alive } = world;
  try {
    const report = await driveAndAudit(world, progress, undo, started, ui);
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
  ui: LiveUi | undefined,
): Promise<RunReport> {
  const { target, options, alive } = world;
  const paths = pathsOf(world);
  await ui?.deployed(world, paths);
  const stuck = stuckCheck(target);
  const starting = startSource(target, {
    functionNames: [
      ...paths.flatMap(({ functionName, otherFunctions = [] }) => [functionName, ...otherFunctions]),
      outputOf(world.outputs, 'RelayFunctionName'),
    ],
    concurrency,
    onStart: (start) => {
      ui?.onStart(start);
      const ends = paths.map((path) => path.onStart(start));
      return (ended) => ends.forEach((end) => end?.(ended));
    },
    onInvocation: (invocation) => {
      stuck.moved();
      for (const path of paths) path.onInvocation(invocation);
    },
  });
  undo.add('stop the event-source runner', async () => (await starting.catch(() => undefined))?.stop());
  const runner = await unlessAborted(starting, alive);

  const trafficStart = performance.now();
  const tell = (phase: string) => () =>
    progress.paths(
      phase,
      paths.map((path) => path.state()),
    );
  await repeating(tell('traffic'), Promise.all(paths.map((path) => path.send())), alive);

  const tailStart = performance.now();
  await repeating(
    () => {
      tell('draining')();
      stuck.check();
    },
    everythingArrived(world, runner),
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
  const memoryMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  return { target: target.name, seed: options.seed, paths: reports, memoryMiB, seconds };
}

/**
 * Resolves when queues and streams are empty, and no stream of the outbox waits for its sweep: whatever is protected
 * behind it, every payment comes through the outbox. The wait for sweeps ends after some runs of them: what is listed
 * still is for the audit to tell.
 */
async function everythingArrived(world: World, runner: EventSourceRunner): Promise<void> {
  const { target, dynamo, sqs, outputs, alive } = world;
  const idle = () =>
    target.polls === 'runner' ? runner.idle(quietMs) : drained(sqs, queuesOf(world), alive);
  await idle();
  const end = performance.now() + sweepsMs;
  const outbox = outputOf(outputs, 'OutboxTableName');
  while (performance.now() < end && (await listedStreams(dynamo, outbox)) > 0) {
    await sleep(quietMs);
    await idle();
  }
}

function pathsOf(world: World): TrafficPath[] {
  if (world.options.sideBySide) return [paymentsPath(world), unprotectedPath(world)];
  return [
    paymentsPath(world),
    activityPath(world),
    ...(world.options.faults.has('throttle') ? [spilloverPath(world)] : []),
    // Without receipts the settlement publishes nothing.
    ...(world.options.unprotected ? [] : [viewsPath(world, 'statements'), viewsPath(world, 'notifications')]),
  ];
}

async function setUp(
  options: RunOptions,
  source: Source,
  progress: Progress,
  undo: Cleanup,
  signal: AbortSignal,
): Promise<World> {
  const log = (line: string) => progress.line(line);
  progress.now(options.target === 'embedded' ? 'starting the emulator' : 'looking for the target');
  const starting = chooseTarget({ ...options, messages: source.count }, { log });
  let deploying: Promise<unknown> = Promise.resolve();
  // Undone last: an interrupted deployment fails, and cleans up behind it, once its target is gone.
  undo.add('end the deployment', () => deploying.catch(() => undefined));
  undo.add('stop the target', async () => (await starting.catch(() => undefined))?.stop());
  const target = await unlessAborted(starting, signal);
  const died = new AbortController();
  void target.ended?.then((error) => error && died.abort(error));
  const alive = AbortSignal.any([signal, died.signal]);

  progress.now('deploying the stack');
  const context = {
    ...stackContext(target),
    ...(options.unprotected ? { unprotected: 'true' } : {}),
    ...(options.sideBySide ? { sideBySide: 'true' } : {}),
    ...(options.faults.has('throttle') ? { spillover: 'true' } : {}),
  };
  if (options.target !== 'embedded') {
    await unlessAborted(expectNoStack(target, stackName), alive);
    undo.add('delete the stack', () => destroyStack(target, { context, log }));
  }
  const deployment = deployStack(target, { context, log, signal: alive });
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
    ...source,
    // Functions run on this machine, below the emulator, on the embedded target only.
    workers: isEmbedded(target) ? (functionName) => workerProcesses(target.pid, functionName) : undefined,
    undo: (what, how) => undo.add(what, how),
  };
}

function isEmbedded(target: Target): target is EmbeddedTarget {
  return target.name === 'embedded';
}

/** A target that polls by itself gets no runner: nothing is seen of its invocations. */
async function startSource(
  target: Target,
  options: Parameters<typeof startEventSourceRunner>[1],
): Promise<EventSourceRunner> {
  if (target.polls === 'runner') return startEventSourceRunner(target, options);
  return {
    mappings: [],
    streamMappings: [],
    kafkaMappings: [],
    idle: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

function queuesOf({ outputs, options }: World): string[] {
  const names = options.sideBySide
    ? ['Payments', 'UnprotectedPayments']
    : [
        ...['Payments', 'Activity', 'Statements', 'Notifications'],
        ...(options.faults.has('throttle') ? ['SpilloverFifo', 'SpilloverStandard'] : []),
      ];
  return names.map((name) => outputOf(outputs, `${name}QueueUrl`));
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
