import { randomUUID } from 'node:crypto';
import type { Once } from '../../../runtime/dedup/effect.js';
import type { Lease, LeaseRow } from '../../../runtime/dedup/lease-store.js';
import { Meter } from '../../../runtime/dedup/meter.js';
import { PostgresJobStore } from '../../../runtime/jobs/postgres/job-store.js';
import { PostgresExecutionStore } from '../../../runtime/postgres/execution-store.js';
import { PostgresFailureStore } from '../../../runtime/postgres/failure-store.js';
import { PostgresGroupStore } from '../../../runtime/postgres/group-store.js';
import {
  PostgresLeaseStore,
  postgresAggregateWay,
  postgresWay,
  prune,
  type PostgresTx,
} from '../../../runtime/postgres/index.js';
import { takeState } from '../../../runtime/postgres/watermarks.js';
import type { MutantPool } from './mutant-pool.js';

/** What happens, and the promise that was broken; undefined: none. */
export type Scenario = (pool: MutantPool) => Promise<string | undefined>;

const retentionSeconds = 3600;
const limits = () => ({ deadline: Date.now() + 20_000, meter: new Meter() });
const turn = (lane: string) => ({ lane, ahead: false, limits });
/** An effect that is doubled when it is made twice. */
const add = 'INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = c.value + 1';
const countOf = async (pool: MutantPool, name: string) =>
  Number((await pool.value('SELECT value FROM counters WHERE name = $1', [name])) ?? 0);
const broken = (holds: boolean, what: string) => (holds ? undefined : what);

async function deliver(
  pool: MutantPool,
  key: string,
  handle: (tx: PostgresTx) => Promise<unknown> = async (tx) => tx.query(add, [key]),
): Promise<string | undefined> {
  const way = postgresWay<{ key: string }>({ pool, retentionSeconds, handle: async (_, tx) => handle(tx) });
  const unit = await way.prepare({ id: key, fingerprint: 'f', message: { key } }, turn(key));
  return (await way.commit([unit], limits())).outcomes.get(unit)?.kind;
}

async function deliverVersion(
  pool: MutantPool,
  aggregate: string,
  handle: (tx: PostgresTx) => Promise<unknown>,
): Promise<void> {
  const way = postgresAggregateWay<{ id: string; fingerprint: string }, string>({
    ...{ pool, consumerName: 'mutant', handle: async (_: string, tx: PostgresTx) => handle(tx) },
    place: () => ({ address: aggregate, stream: 's', version: 1n }),
    ...{ source: () => 'e', carry: () => 'e', restore: () => 'e' },
  });
  const unit = await way.prepare({ id: aggregate, fingerprint: 'f' }, turn(aggregate));
  await way.commit([unit], limits());
}

/**
 * Two at once, of which the first one acts when the other one waits for it, or is as far.
 *
 * @returns how often it acted
 */
async function meeting(
  pool: MutantPool,
  run: (act: (tx: PostgresTx) => Promise<unknown>) => Promise<unknown>,
): Promise<number> {
  const name = randomUUID();
  let begun = 0;
  const act = async (tx: PostgresTx) => {
    begun += 1;
    if (begun === 1) await pool.somebodyWaits(() => begun > 1);
    await tx.query(add, [name]);
  };
  await Promise.all([run(act), run(act)]);
  return countOf(pool, name);
}

const draft = (id: string = randomUUID()) => ({ id, durationMs: 1_000, args: 'null' });
/** Clocks that stand still: two claims of one moment differ in their fence only. */
const leases = (pool: MutantPool) => new PostgresLeaseStore({ pool, retentionSeconds, now: () => 1_000 });
const isLease = (answer: Lease | LeaseRow): answer is Lease => !('status' in answer);

async function claimed(pool: MutantPool): Promise<{ readonly lease: Lease; readonly row: LeaseRow }> {
  const lease = await leases(pool).claim(draft());
  const row = await leases(pool).read(lease.id);
  if (!isLease(lease) || row === undefined) throw new Error('a new lease is not claimed');
  return { lease, row };
}

const jobs = (pool: MutantPool) => new PostgresJobStore({ pool, consumerName: 'mutant', retentionSeconds });

export const storeScenarios = {
  async 'a copy of a message'(pool) {
    const key = randomUUID();
    for (let i = 0; i < 2; i += 1) await deliver(pool, key);
    return broken((await countOf(pool, key)) === 1, 'a copy has acted');
  },
  async 'a copy, after pruning'(pool) {
    const key = randomUUID();
    await deliver(pool, key);
    await prune({ pool });
    await deliver(pool, key);
    return broken((await countOf(pool, key)) === 1, 'a copy has acted');
  },
  async 'two that read a row and write it'(pool) {
    const name = randomUUID();
    let read = 0;
    const increment = async (tx: PostgresTx) => {
      const { rows } = await tx.query('SELECT value FROM counters WHERE name = $1', [name]);
      read += 1;
      // Both have read before one writes.
      while (read < 2) await new Promise((resolve) => setImmediate(resolve));
      await tx.query('UPDATE counters SET value = $2 WHERE name = $1', [name, Number(rows[0]?.value) + 1]);
    };
    await pool.query(add, [name]);
    await Promise.all([deliver(pool, randomUUID(), increment), deliver(pool, randomUUID(), increment)]);
    return broken((await countOf(pool, name)) === 3, 'an update is lost');
  },
  async 'two with a key whose window is over'(pool) {
    const store = new PostgresExecutionStore({ pool, windowSeconds: 60, isolation: 'read committed' });
    const id = randomUUID();
    const work = (handle: (tx: PostgresTx) => Promise<unknown>) => ({ id, fingerprint: 'f', handle });
    await store.commit(
      work(() => Promise.resolve(1)),
      limits(),
    );
    await pool.query("UPDATE exactly_once.receipts SET expires_at = now() - interval '1 s' WHERE id = $1", [
      id,
    ]);
    // Both have found it over before one of them takes it.
    pool.meet('SET fingerprint =', 2);
    const acts = await meeting(pool, async (act) =>
      store.commit(
        work(async (tx) => {
          await act(tx);
          return 2;
        }),
        limits(),
      ),
    );
    return broken(acts === 1, 'both have acted');
  },
  async 'two deliveries of one version'(pool) {
    const aggregate = randomUUID();
    const acts = await meeting(pool, async (act) => deliverVersion(pool, aggregate, act));
    return broken(acts === 1, 'both have acted');
  },
  async 'an older state after a newer one'(pool) {
    const state = (version: number | string) => ({ consumer: 'mutant', id, version });
    const id = randomUUID();
    const tx: PostgresTx = {
      query: async (text, values) => {
        const rows = await pool.query(text, values);
        return { rows, rowCount: rows.length };
      },
      savepoint: async (work) => work(),
      once: (() => undefined) as unknown as Once,
    };
    await takeState(tx, state(2));
    if (await takeState(tx, state(1))) return 'the older one has acted';
    await pool.query('UPDATE exactly_once.watermarks SET v = 2 WHERE id = $1', [id]);
    return takeState(tx, state(3)).then(
      () => 'a row of a newer version was written over',
      () => undefined,
    );
  },
  async 'four that claim an effect'(pool) {
    const wanted = draft();
    const answers = await Promise.all([1, 2, 3, 4].map(async () => leases(pool).claim(wanted)));
    return broken(answers.filter(isLease).length === 1, 'several have it');
  },
  async 'four that take an ended lease over'(pool) {
    const { row } = await claimed(pool);
    const takers = [1, 2, 3, 4].map(async () => leases(pool).claim(draft(row.id), { row, inDoubt: true }));
    return broken((await Promise.all(takers)).filter(isLease).length === 1, 'several have it');
  },
  async 'a lease that was prolonged'(pool) {
    const { lease, row } = await claimed(pool);
    await leases(pool).renew(lease, 60_000);
    const taken = await leases(pool).claim(draft(row.id), { row, inDoubt: true });
    if (isLease(taken)) return 'who saw it before has taken it over';
    return broken(!(await leases(pool).block(row, 'mutant', 'late')), 'who saw it before has blocked it');
  },
  async 'an owner that was overtaken'(pool) {
    const { lease, row } = await claimed(pool);
    await leases(pool).claim(draft(row.id), { row, inDoubt: true });
    const said = [
      await leases(pool).complete(lease, 1),
      (await leases(pool).renew(lease, 1)) !== undefined,
      await leases(pool).free(lease),
      await leases(pool).unknown(lease, 'zombie'),
    ];
    return broken(!said.includes(true), 'it was believed');
  },
  async 'an owner that gave the effect up'(pool) {
    const { lease } = await claimed(pool);
    await leases(pool).free(lease);
    return broken(!(await leases(pool).complete(lease, 1)), 'what it said afterwards was believed');
  },
  async 'an effect that goes on while a person looks at it'(pool) {
    const { row } = await claimed(pool);
    await leases(pool).claim(draft(row.id), { row, inDoubt: true });
    const unlocked = await leases(pool).unlock(row, { kind: 'not-done' }, 'looked');
    return broken(!unlocked, 'what the person said of another try was written down');
  },
  async 'an effect that waits for a person, after pruning'(pool) {
    const { row } = await claimed(pool);
    await leases(pool).block(row, 'mutant', 'nobody knows');
    await pool.query("UPDATE exactly_once.leases SET expires_at = now() - interval '1 s' WHERE id = $1", [
      row.id,
    ]);
    await prune({ pool });
    return broken((await leases(pool).read(row.id)) !== undefined, 'it is forgotten');
  },
  async 'two people who decide about a group'(pool) {
    const groups = new PostgresGroupStore(pool, 'mutant');
    const stream = randomUUID();
    const at = {
      head: { messageId: 'm', firstEnqueue: new Date().toISOString() },
      ...{ reason: 'r', message: { messageId: stream, text: '{}' } },
    };
    const seen = await groups.stop(undefined, { stream, kind: 'group', queueArn: 'arn' }, at, limits());
    const decided = await Promise.allSettled([
      groups.decide(seen, 'resuming', 'one', limits()),
      groups.decide(seen, 'skipping', 'other', limits()),
    ]);
    return broken(decided.filter(({ status }) => status === 'fulfilled').length === 1, 'both have decided');
  },
  async 'a lone start whose answer is lost'(pool) {
    const store = new PostgresFailureStore(pool, 'mutant');
    const id = randomUUID();
    await store.start([id], limits());
    pool.lose('(consumer, message_id, alone, company', 2);
    await store.start([id], limits());
    const { histories } = await store.recall([id], [], limits());
    return broken(histories.get(id)?.alone === 2, 'a start counts as often as it is sent');
  },
  async 'two workers that find a job'(pool) {
    const store = jobs(pool);
    const id = randomUUID();
    const first = await Promise.all([1, 2].map(async () => store.claim(id, undefined, 'f', 1)));
    if (first.filter((row) => row !== undefined).length !== 1) return 'both have claimed a new job';
    const seen = await store.read(id);
    const next = await Promise.all([1, 2].map(async () => store.claim(id, seen, 'f', 1)));
    return broken(next.filter((row) => row !== undefined).length === 1, 'both have taken it over');
  },
  async 'a worker that was overtaken'(pool) {
    const store = jobs(pool);
    const id = randomUUID();
    const row = await store.claim(id, undefined, 'f', 1);
    if (row === undefined) throw new Error('a new job is not claimed');
    await store.claim(id, row, 'f', 1);
    if ((await store.renew(row, 2)) !== undefined) return 'it has prolonged the lease of another';
    await store.leave(row, 'failed', 1, 'zombie');
    return broken((await store.read(id))?.state === 'running', 'it has ended the job of another');
  },
  async 'a job that has not acted'(pool) {
    const id = randomUUID();
    const row = await jobs(pool).claim(id, undefined, 'f', 1);
    if (row === undefined) throw new Error('a new job is not claimed');
    await jobs(pool).noteActed(row);
    return broken((await jobs(pool).read(id))?.state === 'running', 'it is said to be done');
  },
} satisfies Record<string, Scenario>;
