import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Pool } from 'pg';
import { crashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { record } from '../fixtures/queue.js';
import { contenderOf, contenders, type Contender } from './inbox.js';
import type { Order } from './inbox-victim.js';
import { createPeerInbox } from './peer-inbox.js';

const hits = Number(process.env.POSTGRES_KILLS ?? 5);
const batchSize = 3;
const postgres = testPostgres();
let victim: OwnProcess;
let url: string;
let pool: Pool;

/** Those that a batch passes which goes well: killing a process there must not be seen. */
const points = crashPoints.filter((point) => !point.endsWith('dead-letter'));
/** Of a batch, the first two are passed once, and so is the last. */
const perMessage: readonly CrashPoint[] = ['before-commit', 'after-commit'];

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'inbox-victim.ts'));
  ({ url, pool } = await postgres.pool());
  await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
  await pool.query('CREATE TABLE inbox (id text PRIMARY KEY)');
  await createPeerInbox(pool);
});
afterAll(async () => victim.remove());

const batch = () =>
  Array.from({ length: batchSize }, () => {
    const body = { id: randomUUID(), counter: randomUUID() };
    return { body, record: record({ body, group: body.id }) };
  });

/** How often the messages of a batch have acted: each once, or it is wrong. */
async function effects(names: readonly string[]): Promise<number[]> {
  const { rows } = await pool.query<{ name: string; value: number }>(
    'SELECT name, value FROM counters WHERE name = ANY($1)',
    [names],
  );
  return names.map((name) => rows.find((row) => row.name === name)?.value ?? 0);
}

interface Tally {
  kills: number;
  wrong: number;
  lost: number;
  doubled: number;
}

async function kill(contender: Contender, dieAt: CrashPoint, hit: number, tally: Tally): Promise<void> {
  const messages = batch();
  const records = messages.map((one) => one.record);
  const after = perMessage.includes(dieAt) ? hit % batchSize : 0;
  const order: Order = { contender, url, records, dieAt, after };
  const { signal } = await victim.run(order);
  // A point that is not reached is no kill, and would make the proof an empty one.
  if (signal !== 'SIGKILL') return;
  tally.kills += 1;
  const again = records.map((one) => ({
    ...one,
    attributes: { ...one.attributes, ApproximateReceiveCount: '2' },
  }));
  await contenderOf(contender, pool)(again);
  const acted = await effects(messages.map(({ body }) => body.counter));
  const lost = acted.filter((times) => times === 0).length;
  const doubled = acted.filter((times) => times > 1).length;
  tally.lost += lost;
  tally.doubled += doubled;
  if (lost + doubled > 0) tally.wrong += 1;
}

test(`killed ${hits} times at each of ${points.length} points nothing is lost or doubled, where an inbox that looks, acts and then marks doubles`, async () => {
  const tallies = Object.fromEntries(
    contenders.map((contender) => [contender, { kills: 0, wrong: 0, lost: 0, doubled: 0 }]),
  ) as Record<Contender, Tally>;
  const histogram: Record<string, number> = {};
  for (const contender of contenders)
    for (const point of points)
      for (let hit = 0; hit < hits; hit += 1) {
        const before = tallies[contender].kills;
        // Of a package that is measured beside ours, and not held to anything, the small run has one of each.
        if (contender === 'pg-transactional-outbox' && hits <= 5 && hit > 0) continue;
        await kill(contender, point, hit, tallies[contender]);
        const name = `${contender} ${point}`;
        histogram[name] = (histogram[name] ?? 0) + tallies[contender].kills - before;
      }
  reportFigures('killed at', histogram);
  for (const contender of contenders) {
    const { kills, wrong, lost, doubled } = tallies[contender];
    reportFigures(`${contender}, of ${kills} killed batches`, { wrong, lost, doubled });
  }
  for (const [name, times] of Object.entries(histogram))
    expect([name, times]).toEqual([name, hits <= 5 && name.startsWith('pg-transactional') ? 1 : hits]);
  expect(tallies.ours).toEqual({ kills: hits * points.length, wrong: 0, lost: 0, doubled: 0 });
  // The harness sees a double where there is one.
  expect(tallies.inbox.doubled).toBeGreaterThanOrEqual(hits);
}, 3_600_000);

test('connections that are killed at random, under load, lose nothing and double nothing', async () => {
  const messages = Array.from({ length: 20 * hits }, () => ({ id: randomUUID(), counter: randomUUID() }));
  // Without the listeners that the fixture's pool has.
  const bare = new Pool({ connectionString: url });
  const handle = contenderOf('ours', bare);
  const admin = new Pool({ connectionString: url, max: 1 });
  let killed = 0;
  const stop = new AbortController();
  const killing = (async () => {
    while (!stop.signal.aborted) {
      const { rowCount } = await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
          'WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1',
      );
      killed += rowCount ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    let left = messages.map((body) => ({ body, times: 1 }));
    for (let round = 0; left.length > 0 && round < 200; round += 1) {
      const now = left.slice(0, 10);
      const records = now.map(({ body, times }) => record({ body, group: body.id, receiveCount: times }));
      const isDone = await handle(records).then(
        () => true,
        () => false,
      );
      left = [
        ...left.slice(10),
        ...(isDone ? [] : now.map(({ body, times }) => ({ body, times: times + 1 }))),
      ];
    }
    expect(left).toEqual([]);
  } finally {
    stop.abort();
    await killing;
    await Promise.all([admin.end(), bare.end()]);
  }
  reportFigures('connections killed', { killed, messages: messages.length });
  expect(killed).toBeGreaterThan(hits);
  expect(await effects(messages.map(({ counter }) => counter))).toEqual(messages.map(() => 1));
});
