import { fromPg, prune } from '../../../runtime/postgres/index.js';
import {
  beginPostgresEpoch,
  PollingRelay,
  postgresOutbox,
  type PostgresEvent,
} from '../../../runtime/postgres/outbox/index.js';
import { sendRead } from '../../../runtime/postgres/outbox/cdc-send.js';
import { outboxNames } from '../../../runtime/postgres/outbox/names.js';
import { senderOf } from '../../../runtime/postgres/outbox/polling-relay.js';
import { using } from '../../../runtime/postgres/outbox/port.js';
import { readPosition, writePosition } from '../../../runtime/postgres/outbox/position.js';
import { retryStuck } from '../../../runtime/postgres/outbox/retry-stuck.js';
import { RoundClock } from '../../../runtime/postgres/outbox/round-clock.js';
import { eventColumns, storedEvent } from '../../../runtime/postgres/outbox/stored-event.js';
import { moved, Sink, source } from '../outbox-world.js';
import type { MutantPool } from './mutant-pool.js';
import type { Scenario } from './store-scenarios.js';

const outbox = postgresOutbox({ source });
const names = outboxNames();
const publish = async (pool: MutantPool, ...events: PostgresEvent[]) =>
  outbox.publishAll(fromPg(pool.pool), events);
const relay = (pool: MutantPool, ...sinks: Sink[]) => new PollingRelay({ pool, targets: sinks, workers: 1 });
const isOf = (account: string) => (event: { readonly event: string }) =>
  event.event.includes(`"aggregate":"${account}"`) ? new Error('refused') : undefined;
const due = async (pool: MutantPool) => pool.query('UPDATE exactly_once.outbox_stuck SET retry_at = now()');
const told = (versions: readonly number[], expected: readonly number[]) =>
  versions.join() === expected.join() ? undefined : `sent are ${versions.join()}, not ${expected.join()}`;

/** An outbox without a row. */
async function empty(pool: MutantPool): Promise<void> {
  const { events, streams, unsent, stuck, positions, control } = names;
  await pool.query(`TRUNCATE ${events}, ${streams}, ${unsent}, ${stuck}, ${positions}`);
  await pool.query(`UPDATE ${control} SET polled = true`);
}

/** The aggregate `a` is refused, and listed: `b` goes on. @returns the sink, which takes everything from now on */
async function withStuck(pool: MutantPool): Promise<Sink> {
  await empty(pool);
  const sink = new Sink();
  sink.refuses = isOf('a');
  await publish(pool, moved('a'), moved('b'));
  await relay(pool, sink).drain();
  sink.refuses = () => undefined;
  await due(pool);
  return sink;
}

/** A day that is over, with an event of it. @returns whether its partition outlives the house-keeping */
async function outlives(pool: MutantPool, ...leave: readonly string[]): Promise<boolean> {
  await empty(pool);
  const day = "'2020-01-01 12:00+00'";
  const part = 'exactly_once.outbox_20200101';
  await pool.query(
    `CREATE TABLE ${part} PARTITION OF ${names.events} FOR VALUES FROM ('2020-01-01+00') TO ('2020-01-02+00')`,
  );
  try {
    for (const text of leave) await pool.query(text.replace('DAY', day));
    await pool.query("SELECT exactly_once.outbox_prune(interval '1 day')");
    return (await pool.value('SELECT to_regclass($1) IS NOT NULL', [part])) === true;
  } finally {
    await pool.query(`DROP TABLE IF EXISTS ${part}`);
  }
}

export const outboxScenarios = {
  async 'a second relay while the first one sends'(pool) {
    await empty(pool);
    await publish(pool, moved('a'));
    const [first, second] = [new Sink(), new Sink()];
    first.refuses = async () => {
      await relay(pool, second).drain();
    };
    await relay(pool, first).drain();
    return told([...first.versionsOf('a'), ...second.versionsOf('a')], [1]);
  },
  async 'a second relay while the first one sends what was stuck'(pool) {
    const first = await withStuck(pool);
    const second = new Sink();
    first.refuses = async () => {
      await relay(pool, second).drain();
    };
    await relay(pool, first).drain();
    return told([...first.versionsOf('a'), ...second.versionsOf('a')], [1]);
  },
  async 'one of two targets refuses'(pool) {
    await empty(pool);
    const [taking, refusing] = [new Sink('taking'), new Sink('refusing')];
    refusing.refuses = isOf('a');
    // It would be sent so without an end.
    taking.refuses = () => (taking.versionsOf('a').length > 1 ? pool.heal() : undefined);
    await publish(pool, moved('a'), moved('b'));
    for (let i = 0; i < 3; i += 1) await relay(pool, taking, refusing).drain();
    return told(taking.versionsOf('a'), [1]);
  },
  async 'an event that comes while its lane is sent'(pool) {
    await empty(pool);
    await publish(pool, moved('a'));
    const sink = new Sink();
    sink.refuses = async () => {
      sink.refuses = () => undefined;
      await publish(pool, moved('a'));
    };
    await relay(pool, sink).drain();
    return told(sink.versionsOf('a'), [1, 2]);
  },
  async 'an event that comes while its stream is tried again'(pool) {
    const sink = await withStuck(pool);
    sink.refuses = async () => {
      sink.refuses = () => undefined;
      await publish(pool, moved('a'));
    };
    for (let i = 0; i < 2; i += 1) await relay(pool, sink).drain();
    return told(sink.versionsOf('a'), [1, 2]);
  },
  async 'an event that the log brings while its stream is tried again'(pool) {
    const sink = await withStuck(pool);
    await pool.query(`UPDATE ${names.control} SET polled = false`);
    const sender = senderOf([sink]);
    const retry = async () =>
      using(pool, async (one) => retryStuck(one, names, sender, new RoundClock(Date.now() + 20_000)));
    sink.refuses = async () => {
      sink.refuses = () => undefined;
      await publish(pool, moved('a'));
      const rows = await pool.query(`SELECT ${eventColumns('o')} FROM ${names.events} o WHERE o.version = 2`);
      const nothing = { mark: async () => Promise.resolve(), isOver: () => false, onTry: () => undefined };
      await sendRead(rows.map(storedEvent), pool, names, sender, nothing);
    };
    for (let i = 0; i < 2; i += 1) {
      await retry();
      await due(pool);
    }
    return told(sink.versionsOf('a'), [1, 2]);
  },
  async 'a reader of the log that should be dead'(pool) {
    const at = (end: string) => ({ systemId: '1', timeline: '1', end });
    return using(pool, async (one) => {
      for (const end of ['0/200', '0/100']) await writePosition(one, names, 'slot', at(end), new Date());
      const end = (await readPosition(one, names, 'slot'))?.end;
      return end === '0/200' ? undefined : `the position went back to ${end}`;
    });
  },
  async 'an event of a day that is over waits'(pool) {
    const waits = `INSERT INTO ${names.unsent} (lane, stream, version, created, bytes) VALUES (0, 1, 1, DAY, 1)`;
    return (await outlives(pool, waits)) ? undefined : 'its day was dropped';
  },
  async 'an event of a day that is over is stuck'(pool) {
    const stuck =
      `INSERT INTO ${names.stuck} (stream, target, lane, next, seen, oldest, retry_at) ` +
      "VALUES (1, 't', 0, 1, 1, DAY, now())";
    return (await outlives(pool, stuck)) ? undefined : 'its day was dropped';
  },
  async 'the log is not read to its end'(pool) {
    const behind =
      `INSERT INTO ${names.positions} (slot, system_id, timeline, end_lsn, committed_at) ` +
      "VALUES ('s', '1', 1, '0/1', now() - interval '2 hours')";
    return (await outlives(pool, behind)) ? undefined : 'a day was dropped';
  },
  async 'nobody reads the log yet'(pool) {
    const left = `UPDATE ${names.control} SET polled = false`;
    return (await outlives(pool, left)) ? undefined : 'a day was dropped';
  },
  async 'an epoch begins while a transaction has published'(pool) {
    await empty(pool);
    let begun = false;
    const early = await pool.transaction(async (client) => {
      await outbox.publish(fromPg(client), moved('a'));
      const tried = pool.asked('pg_try_advisory_xact_lock', 2);
      const beginning = beginPostgresEpoch(pool).then(() => (begun = true));
      await Promise.race([tried, beginning]);
      return { beginning, tooEarly: begun };
    });
    await early.beginning;
    return early.tooEarly ? 'a commit bears an epoch that was over before it' : undefined;
  },
  async 'an aggregate whose events are no longer kept, after pruning'(pool) {
    await empty(pool);
    await publish(pool, moved('a'));
    await relay(pool, new Sink()).drain();
    await pool.query(`DELETE FROM ${names.events}`);
    await prune({ pool });
    const [next] = await publish(pool, moved('a'));
    return next?.version === '2' ? undefined : `version ${next?.version} came twice`;
  },
  async 'an event of an epoch that is over, after pruning'(pool) {
    await empty(pool);
    await publish(pool, moved('kept'), moved('stuck'));
    await pool.query(`DELETE FROM ${names.events} WHERE aggregateid = 'stuck'`);
    await pool.query(
      `INSERT INTO ${names.stuck} (stream, target, lane, next, seen, oldest, retry_at)
       SELECT stream, 't', 0, 1, 1, now(), now() FROM ${names.streams} WHERE aggregateid = 'stuck'`,
    );
    await beginPostgresEpoch(pool);
    await prune({ pool });
    const left = await pool.query(`SELECT aggregateid FROM ${names.streams} ORDER BY 1`);
    return left.length === 2 ? undefined : 'whose it is can no longer be told';
  },
} satisfies Record<string, Scenario>;
