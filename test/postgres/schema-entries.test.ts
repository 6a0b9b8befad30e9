import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { Meter } from '../../runtime/dedup/meter.js';
import { PostgresCountRows } from '../../runtime/kafka/postgres/count-rows.js';
import {
  listPostgresSilentJobs,
  PostgresJobQueueClient,
  postgresJobPublisher,
} from '../../runtime/jobs/postgres/index.js';
import { PostgresExecutionStore } from '../../runtime/postgres/execution-store.js';
import {
  decidePostgresGroup,
  fromPg,
  listPostgresGaps,
  listPostgresGroups,
  migrate,
  migrations,
  PostgresLeaseStore,
  postgresWay,
  prune,
  receive,
} from '../../runtime/postgres/index.js';
import {
  beginPostgresEpoch,
  listStuckPostgres,
  outboxGauges,
  PollingRelay,
  postgresOutbox,
  resendPostgresEvents,
  skipPostgresEvent,
  slotGauges,
} from '../../runtime/postgres/outbox/index.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { testPostgres } from '../fixtures/postgres.js';
import { moved, Sink } from './outbox-world.js';

const postgres = testPostgres();
const sqs = newSqs();
afterAll(() => sqs.destroy());

const limits = () => ({ deadline: Date.now() + 20_000, meter: new Meter() });
const retentionSeconds = 3600;
const consumerName = 'early';
const outbox = postgresOutbox({ source: 'test' });
const leases = (pool: Pool) => new PostgresLeaseStore({ pool, retentionSeconds });
const jobs = (pool: Pool) =>
  new PostgresJobQueueClient({
    settings: { consumerName, retentionSeconds, queueUrl: 'http://127.0.0.1:1/none' },
    pool,
    sqs,
  });
const draft = { id: 'x', args: 'null', durationMs: 1000 };

/** Whoever goes into a database through a pool. */
const byPool: Readonly<Record<string, (pool: Pool) => Promise<unknown>>> = {
  'a consumer': async (pool) => postgresWay({ pool, retentionSeconds, handle: () => 1 }).ready?.(limits()),
  'a look for receipts': async (pool) =>
    postgresWay({ pool, retentionSeconds, handle: () => 1 }).recall?.([], limits(), true),
  'an API': async (pool) =>
    new PostgresExecutionStore({ pool, windowSeconds: 60 }).recall({ id: 'x', fingerprint: 'f' }, limits()),
  'a look at a lease': async (pool) => leases(pool).read('x'),
  'a lease': async (pool) => leases(pool).claim(draft),
  'an enqueue': async (pool) => jobs(pool).enqueue('x', {}),
  'a look at a job': async (pool) => jobs(pool).getJob('x'),
  'a cancellation': async (pool) => jobs(pool).cancel('x', 'why'),
  'silent jobs': async (pool) => listPostgresSilentJobs(pool, consumerName).next(),
  groups: async (pool) => listPostgresGroups(pool, consumerName),
  'a decision': async (pool) =>
    decidePostgresGroup(pool, sqs, { consumerName, stream: 'x', reason: 'why' }, 'resuming'),
  gaps: async (pool) => listPostgresGaps(pool, consumerName),
  prune: async (pool) => prune({ pool }),
  'deliveries of Kafka': async (pool) => new PostgresCountRows(pool, consumerName).read('x', limits()),
};

/** Whoever works on an outbox, in a schema of the user's choice. */
const onOutbox: Readonly<Record<string, (pool: Pool) => Promise<unknown>>> = {
  'a relay': async (pool) => new PollingRelay({ pool, targets: [new Sink()] }).drain(),
  'a relay that stays': async (pool) => new PollingRelay({ pool, targets: [new Sink()] }).start(),
  'stuck streams': async (pool) => listStuckPostgres(pool),
  'a resend': async (pool) => resendPostgresEvents(pool),
  'a skip': async (pool) => skipPostgresEvent(pool, { stream: '1' }),
  'an epoch': async (pool) => beginPostgresEpoch(pool),
  gauges: async (pool) => outboxGauges(fromPg(pool)),
  'gauges of a slot': async (pool) => slotGauges(fromPg(pool), 'none'),
};

/** Whoever is given a transaction of the user's. */
const inATransaction: Readonly<Record<string, (pool: Pool) => Promise<unknown>>> = {
  receive: async (pool) => receive(fromPg(pool), { consumerName, key: 'x', payload: 1, retentionSeconds }),
  publish: async (pool) => outbox.publish(fromPg(pool), moved('a')),
  'a job': async (pool) =>
    postgresJobPublisher({ settings: { consumerName, retentionSeconds }, outbox }).enqueue(fromPg(pool), {
      jobId: 'x',
      payload: {},
    }),
};

const notReady = { name: 'SchemaNotReady', isWithoutData: true, fault: 'dependency' };

/** Databases, by what they have of the tables. */
let databases: Readonly<Record<'empty' | 'older' | 'newer' | 'ready', string>>;
beforeAll(async () => {
  const made = async (steps: number, future = false) => {
    const { url, pool } = await postgres.pool({ isEmpty: true });
    if (steps !== 0) await migrate({ pool }, migrations.slice(0, steps));
    if (future) await pool.query("INSERT INTO exactly_once.migrations VALUES (998, 'of the future')");
    return url;
  };
  databases = {
    empty: await made(0),
    older: await made(migrations.length - 1),
    newer: await made(migrations.length, true),
    ready: await made(migrations.length),
  };
});

/** What goes wrong, each time in a process of its own as it were. */
async function wrong(
  url: string,
  enter: (pool: Pool) => Promise<unknown>,
): Promise<readonly (Error | undefined)[]> {
  const pool = new Pool({ connectionString: url, max: 4 });
  const once = async () =>
    enter(pool).then(
      async (entered) => {
        await (entered as { stop?: () => Promise<void> } | undefined)?.stop?.();
        return undefined;
      },
      (error: unknown) => error as Error,
    );
  try {
    // Asked again, because somebody may have migrated meanwhile.
    return [await once(), await once()];
  } finally {
    await pool.end();
  }
}

test.each(Object.entries({ ...byPool, ...onOutbox, ...inATransaction }))(
  '%s before `postgres migrate` is told to run it',
  async (_, enter) => {
    const unready: unknown = expect.objectContaining(notReady);
    expect(await wrong(databases.empty, enter)).toEqual([unready, unready]);
    for (const error of await wrong(databases.ready, enter)) expect(error?.name).not.toBe('SchemaNotReady');
  },
);

test.each(Object.entries(byPool))('R17: %s refuses tables that are older or newer', async (_, enter) => {
  const needed = migrations.at(-1)?.version;
  for (const error of await wrong(databases.older, enter))
    expect(error).toMatchObject({ ...notReady, needed });
  for (const error of await wrong(databases.newer, enter)) expect(error?.name).toBe('NewerSchema');
});

test('a driver that wraps what Postgres said is understood', async () => {
  const wrapped = Object.assign(new Error('failed query'), {
    cause: Object.assign(new Error('relation does not exist'), { code: '42P01' }),
  });
  const port = { executeSql: async () => Promise.reject(wrapped) };
  await expect(outbox.publish(port, moved('a'))).rejects.toMatchObject({ ...notReady, cause: wrapped });
});

/** Files of a room that have a text. */
async function filesWith(room: string, text: RegExp): Promise<string[]> {
  const files = (await readdir(room, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const found = await Promise.all(
    files.map(async (name) => text.test(await readFile(join(room, name), 'utf8'))),
  );
  return files.filter((_, i) => found[i]).sort();
}

test('there is no other way in: a statement of a new part is looked after, too', async () => {
  const runtime = join(__dirname, '../../runtime');
  expect(await filesWith(runtime, /\bConnection\.open\(/)).toEqual([
    ...['postgres/entry.ts', 'postgres/migrate.ts', 'postgres/schema.ts'],
  ]);
  expect(await filesWith(runtime, /\.executeSql\(/)).toEqual(['postgres/own-statement.ts']);
  // Of sinks, which have tables of their own, and of relays, whose statements go through `using`.
  expect(await filesWith(runtime, /\bpool\.connect\(\)/)).toEqual([
    ...['cdc/pg-port.ts', 'postgres/connection.ts', 'postgres/outbox/port.ts'],
  ]);
});
