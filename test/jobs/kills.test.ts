import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, sqs as newSqs } from '../fixtures/queue.js';
import { acted, newNamesOn, queueClient, stores, waitingIn } from './job-bench.js';
import type { VictimOrder } from './victim.js';

const client = dynamo();
const sqs = newSqs();
const hits = Number(process.env.CRASH_HITS ?? 5);
const points: readonly CrashPoint[] = [
  'batch-received',
  'lease-claimed',
  'effect-done',
  'before-commit',
  'after-commit',
  'before-answer',
];
const postgres = testPostgres();
let victim: OwnProcess;
const children: ChildProcess[] = [];

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
});
afterAll(async () => {
  // Of a run that failed, too: jest waits for its children.
  for (const child of children) child.kill('SIGKILL');
  client.destroy();
  sqs.destroy();
  await victim.remove();
});

test.each(stores)(
  `jobs on %s, workers killed ${hits} times at each crash point: every job is done, or has failed and says so; in the end each is done, and once`,
  async (store) => {
    const names = await newNamesOn(store, postgres, client, sqs);
    const { queueUrl, deadLetterQueueUrl } = names;
    const jobs = queueClient(names, client, sqs);
    const deaths = points.flatMap((point) => Array.from({ length: hits }, () => point));
    const ids = deaths.map((_, i) => `job-${i}`);
    await Promise.all(ids.map(async (id) => jobs.enqueue(id, { n: 1 })));
    const histogram: Record<string, number> = {};
    for (const dieAt of deaths)
      if ((await killed({ names, client: embedded().client, dieAt })) === 'SIGKILL')
        histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
    const survivor = spawnVictim({ names, client: embedded().client });
    const settled = async () => {
      while ((await waitingIn(sqs, queueUrl)) > 0) await sleep(100);
    };
    await settled();
    // Whose workers died twice in it alone has failed, and says so; here it was the workers that were ill.
    const jobsOf = async () => Promise.all(ids.map(async (id) => jobs.getJob(id)));
    const failed = (await jobsOf()).filter((job) => job?.state === 'failed');
    expect(failed.every((job) => job?.reason?.startsWith('ProcessDied'))).toBe(true);
    // A worker that is killed after it has sent a letter leaves its message, of which another one is sent.
    const letters = new Set((await drain(sqs, deadLetterQueueUrl)).map(({ Body }) => jobIdOf(Body)));
    expect([...letters].sort()).toEqual(failed.map((job) => job?.jobId).sort());
    for (const job of failed) await jobs.enqueue(job?.jobId ?? '', { n: 1 }, { retryFailed: true });
    await settled();
    survivor.kill('SIGTERM');
    reportFigures(`jobs on ${store} killed at`, histogram);

    expect(histogram).toEqual(Object.fromEntries(points.map((point) => [point, hits])));
    const states = (await jobsOf()).map((job) => job?.state);
    expect(states).toEqual(ids.map(() => 'done'));
    const counted = await Promise.all(ids.map(async (id) => acted(names, client, id)));
    expect(counted).toEqual(ids.map(() => 1));
  },
  120_000 + 60_000 * hits,
);

function spawnVictim(order: VictimOrder): ChildProcess {
  const child = spawn(process.execPath, [victim.path, JSON.stringify(order)], { stdio: 'inherit' });
  children.push(child);
  return child;
}

function jobIdOf(body = ''): string {
  return (JSON.parse(body) as { jobId: string }).jobId;
}

async function killed(order: VictimOrder): Promise<string | null> {
  return new Promise((resolve) => spawnVictim(order).once('exit', (_, signal) => resolve(signal)));
}
