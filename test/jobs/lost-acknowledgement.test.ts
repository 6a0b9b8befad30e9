import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import type { JobClient } from '../../runtime/jobs/job-client.js';
import { dynamo } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { record, sqs as newSqs } from '../fixtures/queue.js';
import {
  acted,
  count,
  newNamesOn,
  queueClient,
  stores,
  waitingIn,
  worker,
  type JobNames,
} from './job-bench.js';

const client = dynamo();
const sqs = newSqs();
const postgres = testPostgres();
let names: JobNames;
let jobs: JobClient;

afterEach(() => armCrashPoints(undefined));
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

/** The message of a job, delivered as often as asked: what a queue does whose acknowledgements get lost. */
function messageOf(jobId: string) {
  const first = record({ body: { jobId, payload: { n: 1 } } });
  return async (handler: SqsConsumer, receiveCount: number, remainingMs: () => number = () => 20_000) =>
    handler(
      {
        Records: [
          {
            ...first,
            attributes: { ...first.attributes, ApproximateReceiveCount: String(receiveCount) },
          },
        ],
      },
      { getRemainingTimeInMillis: remainingMs },
    );
}

function failing() {
  const runs = { times: 0, broken: true };
  const handler = worker(
    names,
    client,
    sqs,
    async ({ jobId }, tx) => {
      runs.times += 1;
      await count(names, jobId, tx);
      if (runs.broken) throw new Error('broken');
    },
    { maxFailures: 1 },
  );
  return { handler, runs };
}
const letters = async () => waitingIn(sqs, names.deadLetterQueueUrl);

describe.each(stores)('jobs on %s', (store) => {
  beforeEach(async () => {
    names = await newNamesOn(store, postgres, client, sqs);
    jobs = queueClient(names, client, sqs);
  });

  test('a worker that dies between the letter and the row leaves a job that fails with that one letter, and does not go on', async () => {
    const { handler, runs } = failing();
    const deliver = messageOf('r1');
    await jobs.enqueue('r1', { n: 1 });
    armCrashPoints((point) => {
      if (point === 'before-answer') throw new Error('killed');
    });
    await expect(deliver(handler, 1)).rejects.toThrow('killed');
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'running' });
    armCrashPoints(undefined);
    runs.broken = false;
    // Within the lease of the dead, too.
    expect(await deliver(handler, 2)).toEqual({ batchItemFailures: [] });
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'failed', reason: 'Error: broken' });
    expect({ letters: await letters(), runs: runs.times, acted: await acted(names, client, 'r1') }).toEqual({
      ...{ letters: 1, runs: 1, acted: undefined },
    });
  });

  test('what is still delivered of the message of a failed job does not undo that it was started again', async () => {
    const { handler, runs } = failing();
    const deliver = messageOf('r1');
    await jobs.enqueue('r1', { n: 1 });
    await deliver(handler, 1);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'failed' });
    await jobs.enqueue('r1', { n: 1 }, { retryFailed: true });
    await deliver(handler, 2);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'queued' });
    runs.broken = false;
    await messageOf('r1')(handler, 1);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'done' });
    expect({ letters: await letters(), acted: await acted(names, client, 'r1') }).toEqual({
      letters: 1,
      acted: 1,
    });
  });

  test('a job for which too little time was left is not done: it waits, and runs when its message comes again', async () => {
    const { handler, runs } = failing();
    runs.broken = false;
    const deliver = messageOf('r1');
    await jobs.enqueue('r1', { n: 1 });
    let asked = 0;
    const answer = await deliver(handler, 1, () => (asked++ === 0 ? 20_000 : 0));
    expect(answer.batchItemFailures).toHaveLength(1);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'queued', failures: 0 });
    await deliver(handler, 2);
    expect(await jobs.getJob('r1')).toMatchObject({ state: 'done' });
    expect(await acted(names, client, 'r1')).toBe(1);
  });
});
