import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateScheduleGroupCommand, GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { fingerprintOf } from '../../runtime/dedup/fingerprint.js';
import {
  InvalidSettings,
  KeyReused,
  RejectMessage,
  UnserialisableValue,
} from '../../runtime/dynamodb/index.js';
import type { JobClient } from '../../runtime/jobs/job-client.js';
import { JobQueueClient, type Job, type JobState, type RunningJob } from '../../runtime/jobs/index.js';
import { PostgresJobQueueClient } from '../../runtime/jobs/postgres/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { emptied } from '../fixtures/emptied.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, sqs as newSqs } from '../fixtures/queue.js';
import { doubled, startProvider } from '../lease/provider.js';
import {
  acted,
  consumerName,
  count,
  newNamesOn,
  poolOf,
  queueClient,
  rowsOf,
  start,
  stores,
  waitingIn,
  worker,
  type JobNames,
  type Payload,
} from './job-bench.js';

const client = dynamo();
const sqs = newSqs();
const postgres = testPostgres();
let names: JobNames;
let jobs: JobClient;
let stop: (() => Promise<void>) | undefined;

afterEach(async () => {
  await stop?.();
  stop = undefined;
});
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

function work(run: (job: RunningJob<Payload>) => unknown = () => undefined, concurrency = 1): void {
  const handler = worker(names, client, sqs, async (job, tx) => {
    await count(names, job.jobId, tx);
    return run(job);
  });
  stop = start(names, sqs, handler, concurrency);
}
async function until(jobId: string, state: JobState): Promise<Job> {
  for (;;) {
    const job = await jobs.getJob(jobId);
    if (job?.state === state) return job;
    await sleep(50);
  }
}
async function gone(): Promise<void> {
  while ((await waitingIn(sqs, names.queueUrl)) > 0) await sleep(50);
}
const done = async (jobId: string) => acted(names, client, jobId);

describe.each(stores)('jobs on %s', (store) => {
  beforeEach(async () => {
    names = await newNamesOn(store, postgres, client, sqs);
    jobs = queueClient(names, client, sqs);
  });

  test('a job is done once, however often it is enqueued and its message comes, and anybody can ask for its result', async () => {
    work(({ payload }) => ({ doubled: 2 * payload.n }));
    const [first] = await Promise.all([1, 2, 3].map(async () => jobs.enqueue('r1', { n: 21 })));
    expect(first?.state).toBe('queued');
    await until('r1', 'done');
    const stray = JSON.stringify({ jobId: 'r1', payload: { n: 21 } });
    await sqs.send(new SendMessageCommand({ QueueUrl: names.queueUrl, MessageBody: stray }));
    await gone();
    expect((await jobs.enqueue('r1', { n: 21 })).state).toBe('done');
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'done', result: { doubled: 42 }, failures: 0 });
    expect(await done('r1')).toBe(1);
  });

  test('an id belongs to one payload', async () => {
    await jobs.enqueue('r1', { n: 1 });
    await expect(jobs.enqueue('r1', { n: 2 })).rejects.toThrow(KeyReused);
  });

  test('a payload that JSON would empty is refused, and nothing is enqueued', async () => {
    for (const [what, make] of emptied)
      for (const payload of [make(), { rows: [make()] }])
        await expect(jobs.enqueue(what, payload)).rejects.toThrow(UnserialisableValue);
    await expect(jobs.enqueue('bytes', { pdf: Buffer.of(1) })).rejects.toThrow(UnserialisableValue);
    expect(await waitingIn(sqs, names.queueUrl)).toBe(0);
    expect(await jobs.getJob('a promise')).toBeUndefined();
  });

  test('a job whose caller died before its message was sent is sent by the next enqueue', async () => {
    const dying = Object.create(sqs, {
      send: { value: () => Promise.reject(new Error('killed')) },
    }) as typeof sqs;
    await expect(queueClient(names, client, dying).enqueue('r1', { n: 1 })).rejects.toThrow('killed');
    expect(await waitingIn(sqs, names.queueUrl)).toBe(0);
    await jobs.enqueue('r1', { n: 1 });
    await jobs.enqueue('r1', { n: 1 });
    expect(await waitingIn(sqs, names.queueUrl)).toBe(1);
  });

  test('progress', async () => {
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    work(async ({ progress }) => {
      await progress({ pages: 3, of: 10 });
      await gate;
    });
    await jobs.enqueue('r1', { n: 1 });
    while ((await jobs.getJob('r1'))?.progress === undefined) await sleep(50);
    expect(await jobs.getJob('r1')).toMatchObject({
      state: 'running',
      progress: { pages: 3, of: 10 },
      silent: false,
    });
    letGo();
    await until('r1', 'done');
  });

  test('a delayed job waits in the queue', async () => {
    work();
    await jobs.enqueue('later', { n: 1 }, { delaySeconds: 3 });
    await jobs.enqueue('now', { n: 1 });
    await until('now', 'done');
    expect(await jobs.getJob('later')).toMatchObject({ state: 'queued' });
    const { runAt } = await until('later', 'done');
    expect(Date.now()).toBeGreaterThan(runAt.getTime());
  });

  test('a long delay makes a schedule that sends the message', async () => {
    const scheduler = new SchedulerClient(embedded().client);
    const groupName = `g-${randomUUID()}`;
    await scheduler.send(new CreateScheduleGroupCommand({ Name: groupName }));
    const queueArn = `arn:aws:sqs:us-east-1:000000000000:${names.queueUrl.split('/').at(-1)}`;
    const roleArn = 'arn:aws:iam::000000000000:role/scheduler';
    const { dedupTable, queueUrl, postgres: url } = names;
    const settings = {
      ...{ consumerName, dedupTable, retentionSeconds: 1e6, queueUrl },
      scheduler: { groupName, roleArn, queueArn },
    };
    const patient =
      url === undefined
        ? new JobQueueClient({ settings, dynamodb: client, sqs, scheduler })
        : new PostgresJobQueueClient({ settings, pool: poolOf(url), sqs, scheduler });
    const { runAt } = await patient.enqueue('r1', { n: 1 }, { delaySeconds: 86_400 });
    await patient.enqueue('r1', { n: 1 }, { delaySeconds: 86_400 });
    const { createHash } = await import('node:crypto');
    const Name = createHash('sha256').update('r1').digest('hex');
    const found = await scheduler.send(new GetScheduleCommand({ Name, GroupName: groupName }));
    expect(found).toMatchObject({
      ScheduleExpression: `at(${runAt.toISOString().slice(0, 19)})`,
      ActionAfterCompletion: 'DELETE',
      Target: { Arn: queueArn, RoleArn: roleArn, Input: JSON.stringify({ jobId: 'r1', payload: { n: 1 } }) },
    });
    expect(await waitingIn(sqs, names.queueUrl)).toBe(0);
    // A text that Scheduler puts something else for reaches the worker as it was enqueued.
    const said = { note: '<aws.scheduler.execution-id> & <aws.scheduler.scheduled-time>' };
    await patient.enqueue('r3', said, { delaySeconds: 86_400 });
    const other = createHash('sha256').update('r3').digest('hex');
    const { Target } = await scheduler.send(new GetScheduleCommand({ Name: other, GroupName: groupName }));
    expect(Target?.Input).not.toContain('<aws.scheduler.');
    expect(JSON.parse(Target?.Input ?? '')).toEqual({ jobId: 'r3', payload: said });
    scheduler.destroy();
    await expect(jobs.enqueue('r2', { n: 1 }, { delaySeconds: 901 })).rejects.toThrow(
      'at most 900 without a scheduler',
    );
  });

  test('a job that throws is tried again, and its transaction was not committed', async () => {
    work(({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
      return attempt;
    });
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'done')).toMatchObject({ result: 3, failures: 2 });
    expect(await done('r1')).toBe(1);
  });

  test.each<[string, Error, number]>([
    ['rejects', new RejectMessage('no such report'), 1],
    ['throws too often', new Error('still broken'), 3],
  ])(
    'a job that %s has failed: its state says why, and its message is among the dead letters',
    async (_, error, failures) => {
      work(() => {
        throw error;
      });
      await jobs.enqueue('r1', { n: 1 });
      expect(await until('r1', 'failed')).toMatchObject({
        failures,
        reason: `${error.name}: ${error.message}`,
      });
      await gone();
      const [letter] = await drain(sqs, names.deadLetterQueueUrl);
      expect(letter?.Body).toBe(JSON.stringify({ jobId: 'r1', payload: { n: 1 } }));
      expect(await done('r1')).toBeUndefined();
    },
  );

  test('a cancelled job that has not begun never does', async () => {
    await jobs.enqueue('r1', { n: 1 });
    expect(await jobs.cancel('r1', 'ada changed her mind')).toMatchObject({ state: 'cancelled' });
    work();
    await gone();
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'cancelled', reason: 'ada changed her mind' });
    expect(await done('r1')).toBeUndefined();
    expect(await jobs.cancel('unknown', 'x')).toBeUndefined();
  });

  test('a cancelled job that runs is told by its signal', async () => {
    work(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    await jobs.enqueue('r1', { n: 1 });
    await until('r1', 'running');
    await jobs.cancel('r1', 'too slow');
    expect(await until('r1', 'cancelled')).toMatchObject({ reason: 'too slow' });
    await gone();
    expect(await done('r1')).toBeUndefined();
  });

  test.each(['started again', 'sent back from the dead letters'])(
    'a job that failed after somebody had asked to cancel it runs when it is %s',
    async (how) => {
      const rows = rowsOf(names, client);
      const accepted = await rows.accept('r1', fingerprintOf({ jobId: 'r1', payload: { n: 1 } }), Date.now());
      const claimed = await rows.claim('r1', accepted, accepted.fingerprint, Date.now() + 60_000);
      if (claimed === undefined) throw new TypeError('nobody else has it');
      await jobs.cancel('r1', 'too slow');
      await rows.leave(claimed, 'failed', 1, 'no such report');
      if (how === 'started again') {
        await jobs.enqueue('r1', { n: 1 }, { retryFailed: true });
        work(() => 'whole');
        while ((await jobs.getJob('r1'))?.state === 'queued') await sleep(50);
        await gone();
        expect(await jobs.getJob('r1')).toMatchObject({ state: 'done', result: 'whole' });
        expect(await done('r1')).toBe(1);
      } else {
        const failed = await rows.read('r1');
        const again = await rows.claim('r1', failed, accepted.fingerprint, Date.now() + 60_000);
        expect(again).toMatchObject({ state: 'running', failures: 0, cancelRequested: false });
      }
    },
  );

  test('a failed job that is started again with a delay waits for it', async () => {
    let fails = true;
    work(() => {
      if (fails) throw new RejectMessage('no such report');
    });
    await jobs.enqueue('r1', { n: 1 });
    await until('r1', 'failed');
    await gone();
    fails = false;
    const asked = Date.now();
    const again = await jobs.enqueue('r1', { n: 1 }, { retryFailed: true, delaySeconds: 2 });
    expect(again.runAt.getTime()).toBeGreaterThanOrEqual(asked + 2_000);
    await until('r1', 'done');
    // Workers begin up to a second early, for the clocks.
    expect(Date.now() - asked).toBeGreaterThan(900);
    expect(await done('r1')).toBe(1);
  });

  test.each([0, 10_801, NaN])('a heartbeat of %s seconds is refused', (heartbeatSeconds) => {
    expect(() => worker(names, client, sqs, () => undefined, { heartbeatSeconds })).toThrow(InvalidSettings);
  });

  test('a job that takes longer than its lease and its message is hidden stays with its worker', async () => {
    let runs = 0;
    work(async () => {
      runs += 1;
      // Lease and visibility are 2 s.
      await sleep(5_000);
    }, 2);
    await jobs.enqueue('r1', { n: 1 });
    await sleep(4_000);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'running', silent: false });
    await until('r1', 'done');
    expect(runs).toBe(1);
  });

  test('a worker that is overtaken cannot tell of progress, and its effects do not count twice', async () => {
    const events: string[] = [];
    let first = true;
    const handler = worker(names, client, sqs, async (job, tx) => {
      await count(names, job.jobId, tx);
      if (!first) return 'second';
      first = false;
      // The event loop of a process that hangs beats no heart.
      const until = Date.now() + 3_000;
      while (Date.now() < until);
      events.push('woke up');
      await sleep(1_500);
      await job.progress('half').catch((error: unknown) => events.push((error as Error).name));
      return 'first';
    });
    await jobs.enqueue('r1', { n: 1 });
    stop = start(names, sqs, handler, 2);
    await until('r1', 'done');
    await gone();
    expect(events[0]).toBe('woke up');
    expect(await done('r1')).toBe(1);
  });

  test('an effect outside the store, in a job that is tried again', async () => {
    const provider = await startProvider('nothing');
    work(async ({ jobId, attempt, once }) => {
      const receipt = await once('mail', {
        args: jobId,
        leaseSeconds: 5,
        onUnknown: 'block',
        run: async (order) => {
          const answer = await fetch(`${provider.url}/acts/${order}`, { method: 'POST' });
          return ((await answer.json()) as { receipt: string }).receipt;
        },
      });
      if (attempt < 2) throw new Error('after the mail');
      return receipt;
    });
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'done')).toMatchObject({ result: 'receipt of r1' });
    expect(provider.acts).toEqual(['r1']);
    expect(doubled(provider)).toEqual([]);
    await provider.close();
  });
});
