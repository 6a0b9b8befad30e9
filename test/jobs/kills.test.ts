import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { dynamo, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { counterTable, newNames, queueClient, waitingIn, type JobNames } from './job-bench.js';
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
let victim: OwnProcess;
const processes = new Set<ChildProcess>();

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
});
afterAll(async () => {
  // Also when the test has failed: Jest waits for them.
  for (const one of processes) one.kill('SIGKILL');
  client.destroy();
  sqs.destroy();
  await victim.remove();
});

test(
  `workers killed ${hits} times at each crash point: every job is done, or has failed and says so; in the end each is done, and once`,
  async () => {
    const names: JobNames = await newNames(client, sqs);
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
    expect(await waitingIn(sqs, deadLetterQueueUrl)).toBe(failed.length);
    for (const job of failed) await jobs.enqueue(job?.jobId ?? '', { n: 1 }, { retryFailed: true });
    await settled();
    survivor.kill('SIGTERM');
    reportFigures('jobs killed at', histogram);

    expect(histogram).toEqual(Object.fromEntries(points.map((point) => [point, hits])));
    const states = (await jobsOf()).map((job) => job?.state);
    expect(states).toEqual(ids.map(() => 'done'));
    const counted = await Promise.all(
      ids.map(async (name) => (await row(client, counterTable(names), { name }))?.value),
    );
    expect(counted).toEqual(ids.map(() => 1));
  },
  60_000 + 20_000 * hits,
);

function spawnVictim(order: VictimOrder) {
  const child = spawn(process.execPath, [victim.path, JSON.stringify(order)], { stdio: 'inherit' });
  processes.add(child.once('exit', () => processes.delete(child)));
  return child;
}

async function killed(order: VictimOrder): Promise<string | null> {
  return new Promise((resolve) => spawnVictim(order).once('exit', (_, signal) => resolve(signal)));
}
