import { join } from 'node:path';
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { sqs } from '../fixtures/queue.js';
import { newQueue } from '../outbox/outbox-world.js';
import { Program } from '../package/program.js';
import { moved, OutboxDatabase, source, until } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
const client = sqs();
let program: OwnProcess;
let db: OutboxDatabase;
let targets: { readonly standard: string; readonly fifo: string };
const running: Program[] = [];

beforeAll(async () => {
  program = await OwnProcess.of(join(__dirname, 'polling-program.ts'));
});
afterAll(async () => program.remove());
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
  await db.query('UPDATE exactly_once.outbox_control SET notified = true');
  targets = { standard: await newQueue(client, false), fifo: await newQueue(client, true) };
});
afterEach(async () => {
  for (const one of running.splice(0)) one.kill();
  await db.pool.end();
});

/** A task, as `PostgresPollingRelay` starts it. */
function started(pollMs = 200): Program {
  const task = new Program(program.path, {
    ...process.env,
    ...embedded().environment,
    DATABASE_URL: db.url,
    POLL_MS: String(pollMs),
    EXACTLY_ONCE_OUTBOX_NAME: 'payments',
    EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: '7',
    EXACTLY_ONCE_OUTBOX_TARGETS: JSON.stringify(Object.values(targets).map((queueUrl) => ({ queueUrl }))),
  });
  running.push(task);
  return task;
}

interface Arrived {
  readonly aggregate: string;
  readonly version: number;
}

/** Takes what is in a queue until there are so many, and once more: what is there twice comes, too. */
async function taken(QueueUrl: string, atLeast: number): Promise<Arrived[]> {
  const arrived: Arrived[] = [];
  await until(async () => {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
    );
    for (const { Body = '' } of Messages) {
      const { aggregate, version } = JSON.parse(Body) as { aggregate: string; version: string };
      arrived.push({ aggregate, version: Number(version) });
    }
    if (Messages.length > 0)
      await client.send(
        new DeleteMessageBatchCommand({
          QueueUrl,
          Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
        }),
      );
    return Messages.length === 0 && arrived.length >= atLeast;
  }, 60);
  return arrived;
}

const unsent = async () => db.value('SELECT count(*)::int FROM exactly_once.outbox_unsent');
const publish = async (...accounts: string[]) =>
  db.transaction(async (port) =>
    outbox.publishAll(
      port,
      accounts.map((account, move) => moved(account, move)),
    ),
  );

interface Line {
  readonly exactlyOnce: string;
  readonly sent?: number;
  readonly failed?: number;
  readonly lag?: number;
}
const lines = (task: Program) =>
  task.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
const isUp = (task: Program) => lines(task).some(({ exactlyOnce }) => exactlyOnce === 'outbox');
const sentBy = (task: Program) => lines(task).reduce((sum, { sent = 0 }) => sum + sent, 0);

test('two tasks, and one that takes the place of a stopped one: nothing lost, nothing doubled, each aggregate in order', async () => {
  const [first, second] = [started(), started()];
  for (const task of [first, second]) await until(() => isUp(task), 60);
  let published = 0;
  const load = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      const accounts = Array.from({ length: 10 }, (_, index) => `a${(round * 7 + index * 3) % 20}`);
      await Promise.all([publish(...accounts), publish('hot'), publish('hot', `b${round}`)]);
      published += 13;
    }
  };
  do await load(5);
  while (sentBy(first) === 0 || sentBy(second) === 0);
  // As a deployment does: the new one runs before an old one is told to end, under load.
  const third = started();
  const loading = load(10);
  expect(await first.terminated()).toBe(0);
  await loading;
  await until(() => isUp(third), 60);
  await until(async () => (await unsent()) === 0, 60);
  const ended = await Promise.all([second.terminated(), third.terminated()]);
  expect(ended).toEqual([0, 0]);

  const arrived = await taken(targets.standard, published);
  const distinct = new Set(arrived.map(({ aggregate, version }) => `${aggregate}/${version}`)).size;
  expect(distinct).toBe(published);
  // On a machine that is too busy a call is not answered in time, and made again: that may double, nothing else.
  const unanswered = [first, second, third].flatMap(lines).reduce((sum, { failed = 0 }) => sum + failed, 0);
  expect(arrived.length - distinct).toBeLessThanOrEqual(unanswered);
  const ordered = await taken(targets.fifo, published);
  expect(ordered).toHaveLength(published);
  for (const one of Map.groupBy(ordered, ({ aggregate }) => aggregate).values())
    expect(one.map(({ version }) => version)).toEqual(one.map((_, index) => index + 1));
}, 240_000);

test('a task is woken by a publication, and tells its figures for the alarms', async () => {
  // It would poll by itself after this test is over.
  const task = started(600_000);
  await until(() => isUp(task), 60);
  for (let move = 1; move <= 30; move += 1) {
    await publish('a');
    await until(() => sentBy(task) === move);
  }
  expect(await task.terminated()).toBe(0);
  const lags = lines(task)
    .flatMap(({ lag }) => lag ?? [])
    .sort((a, b) => a - b);
  reportFigures('postgres outbox, polling as a service', {
    ...{ publications: 30, medianLagMs: lags[15], mostLagMs: lags.at(-1) },
  });
}, 120_000);
