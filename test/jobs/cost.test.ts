import { jobUnits } from '../../lib/jobs/job-cost.js';
import { dynamo } from '../fixtures/dynamo.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { count, newNames, queueClient, start, worker } from './job-bench.js';

/** Write actions, by the table: what each costs follows from its kind. */
interface Written {
  readonly name: string;
  readonly transaction: boolean;
}

const client = dynamo();
const sqs = newSqs();
afterAll(() => {
  client.destroy();
  sqs.destroy();
});

test('a job costs the write units that GUARANTEES.md states, heartbeats apart', async () => {
  const written: Written[] = [];
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const input = args.input as {
          TableName?: string;
          TransactItems?: Record<string, { TableName?: string }>[];
        };
        if (commandName === 'TransactWriteItemsCommand')
          for (const item of input.TransactItems ?? [])
            for (const { TableName = '' } of Object.values(item))
              written.push({ name: TableName, transaction: true });
        else if (/^(Update|Put|Delete)ItemCommand$/.test(commandName ?? ''))
          written.push({ name: input.TableName ?? '', transaction: false });
        return next(args);
      },
    { step: 'initialize' },
  );
  const names = await newNames(client, sqs);
  const jobs = queueClient(names, client, sqs);
  const stop = start(
    names,
    sqs,
    worker(names, client, sqs, ({ jobId }, tx) => count(names, jobId, tx)),
  );
  await jobs.enqueue('j1', { n: 1 });
  while ((await jobs.getJob('j1'))?.state !== 'done') await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  const ofJob = written.filter(({ name }) => name === names.dedupTable);
  const plain = ofJob.filter(({ transaction }) => !transaction).length;
  expect({ begun: plain, doneInTransaction: 2 * (ofJob.length - plain) }).toEqual({
    begun: jobUnits.begun,
    doneInTransaction: jobUnits.doneInTransaction,
  });
  // Each plain write changes the copy in the index, which has all attributes; the end takes it away.
  expect(jobUnits.listed).toBe(plain + 1);
});
