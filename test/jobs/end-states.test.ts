import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PurgeQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { DependencyFailed, fingerprintOf, KeyReused, ProcessDied } from '../../runtime/dynamodb/index.js';
import type { JobClient } from '../../runtime/jobs/job-client.js';
import { InvalidJob, type Job, type JobState, type RunningJob } from '../../runtime/jobs/index.js';
import { settleJobs } from '../../runtime/jobs/settle-jobs.js';
import { dynamo } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { drain, record, sqs as newSqs } from '../fixtures/queue.js';
import {
  acted as actedIn,
  consumerName,
  count,
  counterTable,
  newNamesOn,
  poolOf,
  queueClient,
  rowsOf,
  silentJobs,
  start,
  stores,
  waitingIn,
  worker,
  type JobNames,
  type Tx,
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

const Payload = z.object({ n: z._default(z.number(), 7) });
type Run = (job: RunningJob<z.infer<typeof Payload>>, tx: Tx) => unknown;

/** Works until the test is over. Counts every job whose effects are committed. */
function work(run: Run = () => undefined, heartbeatSeconds = 0.5): void {
  const counting: Run = async (job, tx) => {
    await count(names, job.jobId, tx);
    return run(job, tx);
  };
  const options = { schema: Payload, maxFailures: 2, heartbeatSeconds };
  stop = start(names, sqs, worker(names, client, sqs, counting, options));
}
/** Has the commit of a transaction be refused. */
async function refuse(tx: Tx): Promise<void> {
  if ('query' in tx) await tx.query("INSERT INTO refused VALUES ('nobody')");
  else
    tx.check(
      counterTable(names),
      { name: 'nobody' },
      { expression: 'attribute_exists(#n)', names: { '#n': 'name' } },
    );
}
const onPostgres = async (text: string) => poolOf(names.postgres ?? '').query(text);
/** Somebody else changes a counter. */
async function change(name: string): Promise<void> {
  if (names.postgres !== undefined) await onPostgres(`UPDATE counters SET value = 1 WHERE name = '${name}'`);
  else
    await client.send(
      new PutItemCommand({
        TableName: names.counters,
        Item: { name: { S: name }, value: { N: '1' } },
      }),
    );
}
/** Reads it, so that the commit is refused when somebody has changed it. */
async function look(name: string, tx: Tx): Promise<() => Promise<unknown>> {
  if ('query' in tx) {
    await tx.query('SELECT value FROM counters WHERE name = $1', [name]);
    return () => tx.query('UPDATE counters SET value = value WHERE name = $1', [name]);
  }
  await tx.get(counterTable(names), { name }, ['value']);
  return () => Promise.resolve();
}
async function forgetRow(jobId: string): Promise<void> {
  if (names.postgres !== undefined) await onPostgres('DELETE FROM exactly_once.jobs');
  else
    await client.send(
      new DeleteItemCommand({
        TableName: names.dedupTable,
        Key: { id: { S: `${consumerName}!job#${jobId}` } },
      }),
    );
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
async function send(body: string, attributes: Record<string, string> = {}): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: names.queueUrl,
      MessageBody: body,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
    }),
  );
}
const acted = async (name: string) => actedIn(names, client, name);
const silent = async (silentAfterSeconds = 0) =>
  silentJobs(names, client, { silentAfterSeconds, now: Date.now() + 1 });

describe.each(stores)('jobs on %s', (store) => {
  beforeEach(async () => {
    names = await newNamesOn(store, postgres, client, sqs);
    // Whatever is late counts as silent at once.
    jobs = queueClient(names, client, sqs, 0);
    if (store === 'Postgres')
      await onPostgres(
        "CREATE TABLE refused (name text REFERENCES counters DEFERRABLE INITIALLY DEFERRED); INSERT INTO counters VALUES ('other', 0)",
      );
  });

  test('a job whose commit is refused has failed, like one that throws', async () => {
    work(async (_, tx) => refuse(tx));
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'failed')).toMatchObject({
      failures: 2,
      reason: expect.stringMatching(/Condition|foreign key/),
    });
    await gone();
    expect(await waitingIn(sqs, names.deadLetterQueueUrl)).toBe(1);
    expect(await silent()).toMatchObject([{ jobId: 'r1', kind: 'failed', failures: 2 }]);
    expect(await acted('r1')).toBeUndefined();
  });

  test('a job whose message is lost is listed, and the next enqueue sends it again', async () => {
    await jobs.enqueue('r1', { n: 1 });
    expect(await silent(60)).toEqual([]);
    await sqs.send(new PurgeQueueCommand({ QueueUrl: names.queueUrl }));
    await sleep(5);
    expect(await silent()).toMatchObject([{ jobId: 'r1', kind: 'not-begun' }]);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'queued' });
    await jobs.enqueue('r1', { n: 1 });
    work();
    await until('r1', 'done');
    expect(await acted('r1')).toBe(1);
    expect(await silent()).toEqual([]);
  });

  test('a job whose worker died and whose message is lost is listed, and the next enqueue has it done', async () => {
    await jobs.enqueue('r1', { n: 1 });
    await sqs.send(new PurgeQueueCommand({ QueueUrl: names.queueUrl }));
    const rows = rowsOf(names, client);
    await rows.claim('r1', await rows.read('r1'), '', Date.now() + 100);
    expect(await silent(60)).toEqual([]);
    await sleep(150);
    expect(await silent()).toMatchObject([{ jobId: 'r1', kind: 'worker-silent' }]);
    await jobs.enqueue('r1', { n: 1 });
    work();
    await until('r1', 'done');
    expect(await acted('r1')).toBe(1);
  });

  test('a caller who tries again is no stranger, whatever the schema made of the payload', async () => {
    work(({ attempt, payload }) => {
      if (attempt === 1) throw new Error('not yet');
      return payload.n;
    });
    await jobs.enqueue('r1', {});
    while ((await jobs.getJob('r1'))?.failures !== 1) await sleep(20);
    expect((await jobs.enqueue('r1', {})).jobId).toBe('r1');
    expect(await until('r1', 'done')).toMatchObject({ result: 7 });
    expect((await jobs.enqueue('r1', {})).state).toBe('done');
    await expect(jobs.enqueue('r1', { n: 7 })).rejects.toThrow(KeyReused);
    await gone();
    expect(await acted('r1')).toBe(1);
  });

  test('a job that the schema refuses has failed', async () => {
    work();
    await jobs.enqueue('r1', { n: 'seven' });
    expect(await until('r1', 'failed')).toMatchObject({ failures: 0 });
    expect(await silent()).toMatchObject([{ jobId: 'r1', kind: 'failed' }]);
  });

  test.each([
    ['another payload', JSON.stringify({ jobId: 'r1', payload: { n: 2 } })],
    ['one that the schema refuses', JSON.stringify({ jobId: 'r1', payload: { n: 'x' } })],
  ])('a stray message with the id of a job and %s says nothing of that job', async (_, stray) => {
    await jobs.enqueue('r1', { n: 1 }, { delaySeconds: 2 });
    await send(stray);
    work();
    while ((await waitingIn(sqs, names.deadLetterQueueUrl)) < 1) await sleep(50);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'queued', failures: 0 });
    await until('r1', 'done');
    await gone();
    expect(await acted('r1')).toBe(1);
  });

  test('a copy of the message of a failed job does not begin it anew; redriven, or asked for, it does', async () => {
    let broken = true;
    let runs = 0;
    work(() => {
      runs += 1;
      if (broken) throw new Error('broken');
    });
    await jobs.enqueue('r1', { n: 1 });
    await jobs.enqueue('r2', { n: 1 });
    await until('r1', 'failed');
    await until('r2', 'failed');
    await gone();
    const [letter] = await drain(sqs, names.deadLetterQueueUrl);
    const body = JSON.stringify({ jobId: 'r1', payload: { n: 1 } });
    runs = 0;
    broken = false;
    await send(body);
    await gone();
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'failed' });
    expect(runs).toBe(0);
    await send(body, { ExactlyOnce: letter?.MessageAttributes?.ExactlyOnce?.StringValue ?? '' });
    await until('r1', 'done');
    expect((await jobs.enqueue('r2', { n: 1 })).state).toBe('failed');
    expect((await jobs.enqueue('r2', { n: 1 }, { retryFailed: true })).state).toBe('queued');
    await until('r2', 'done');
    await gone();
    expect([await acted('r1'), await acted('r2')]).toEqual([1, 1]);
  });

  test('a payload that is too large for its message is refused before anything is written', async () => {
    const payload = { text: 'x'.repeat(1024 * 1024) };
    await expect(jobs.enqueue('r1', payload)).rejects.toThrow(InvalidJob);
    await expect(jobs.enqueue('r1', { list: new Set([1]) })).rejects.toThrow(
      'it is a Set, which JSON makes {} of',
    );
    await expect(jobs.enqueue('r1', { n: Number.NaN })).rejects.toThrow('NaN');
    await expect(jobs.enqueue('r1', {}, { delaySeconds: 3600 })).rejects.toThrow(InvalidJob);
    expect(await jobs.getJob('r1')).toBeUndefined();
    expect(await waitingIn(sqs, names.queueUrl)).toBe(0);
  });

  test('a result that no text can hold makes a failed job', async () => {
    work(() => () => 'a function');
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'failed')).toMatchObject({ reason: expect.stringContaining('function') });
    expect(await acted('r1')).toBeUndefined();
  });

  test('a job whose reads have changed runs again at once, on its own lease', async () => {
    let runs = 0;
    work(async (_, tx) => {
      runs += 1;
      const write = await look('other', tx);
      if (runs === 1) await change('other');
      await write();
      return runs;
      // A lease of two minutes: were it waited for, the test would not end.
    }, 30);
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'done')).toMatchObject({ result: 2, failures: 0 });
    expect(await acted('r1')).toBe(1);
  });

  test('what a job depends on may be down: nothing is counted against the job', async () => {
    let runs = 0;
    work(() => {
      runs += 1;
      if (runs <= 1) throw new DependencyFailed('the table is throttled');
    });
    await jobs.enqueue('r1', { n: 1 });
    expect(await until('r1', 'done')).toMatchObject({ failures: 0 });
  });

  test('a row that has forgotten what its receipt knows is done', async () => {
    work();
    await jobs.enqueue('r1', { n: 1 });
    await until('r1', 'done');
    await gone();
    await forgetRow('r1');
    await jobs.enqueue('r1', { n: 1 });
    await until('r1', 'done');
    expect(await acted('r1')).toBe(1);
  });

  test('payloads, results and progress keep every digit', async () => {
    const big = 2n ** 64n + 1n;
    const result = {
      big,
      at: new Date(5),
      zero: -0,
      rough: 2 ** 60,
      not: Number.NaN,
      map: new Map([[1n, new Set(['a'])]]),
    };
    const handler = worker(
      names,
      client,
      sqs,
      async ({ payload, progress }) => {
        await progress({ big: payload.big });
        return { ...result, big: payload.big };
      },
      { schema: z.object({ big: z.bigint() }) },
    );
    stop = start(names, sqs, handler);
    await jobs.enqueue('\u{1F600}\uFFFF', { big });
    expect(await until('\u{1F600}\uFFFF', 'done')).toMatchObject({ result, progress: { big } });
  });

  describe('a message that is given up while the lease of its job has not ended', () => {
    const settled = async (claimedFor: (messageId: string) => string): Promise<Job | undefined> => {
      const rows = rowsOf(names, client);
      await jobs.enqueue('d1', { n: 1 });
      const fingerprint = fingerprintOf({ jobId: 'd1', payload: { n: 1 } });
      const message = record({ body: { jobId: 'd1', payload: { n: 1 } } });
      const { messageId } = message;
      const endsAt = Date.now() + 60_000;
      await rows.claim('d1', await rows.read('d1'), fingerprint, endsAt, claimedFor(messageId));
      const error = new ProcessDied(messageId, 2);
      const problems = new Map([
        [messageId, { outcome: 'rejected', fault: 'message', messageId, error } as const],
      ]);
      const nobody = {
        claims: new Map(),
        comeAgain: new Set<string>(),
        duplicates: 0,
        maxClockSkewMs: 60_000,
      };
      await settleJobs(rows, [message], { problems, ...nobody });
      return jobs.getJob('d1');
    };

    test('by a worker of this very message, which is dead: the job has failed, and does not stay `running`', async () => {
      expect(await settled((messageId) => messageId)).toMatchObject({
        state: 'failed',
        reason: expect.stringMatching(/^ProcessDied/),
      });
    });

    test('by a worker of another message: it has the job, and its end decides', async () => {
      expect(await settled(() => 'another')).toMatchObject({ state: 'running' });
    });
  });
});
