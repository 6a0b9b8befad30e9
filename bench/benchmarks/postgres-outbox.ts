import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Pool } from 'pg';
import { startPostgres, type LocalPostgres } from '../../targets/postgres/index.js';
import type { Benchmark } from '../benchmark.js';
import { changeDataCapture, polling } from '../outbox-relays/ours.js';
import { peerPolling, peerReplication } from '../outbox-relays/peer.js';
import type { Database, RelaySide } from '../outbox-relays/relay-side.js';
import { quantile, rowsOf, type Sample } from '../row.js';

/** Events that wait when a relay begins. Fewer for the peer, of which a rate comes out all the same. */
const waiting = { ours: 20_000, peer: 750 };
const longRun = 200_000;
/** Where memory is first looked at: by then everything has run often. */
const warm = 20_000;
const steady = { events: 250, everyMs: 10 };
const pollMs = 50;
/** After that long without an event, what has not come is taken for lost. */
const giveUpMs = 10_000;

interface Case {
  readonly name: string;
  readonly ours: RelaySide;
  /** Null where the peer has nothing like it. */
  readonly peer: RelaySide | null;
}

const cases: readonly Case[] = [
  { name: `polling every ${pollMs} ms`, ours: polling(pollMs, false), peer: peerPolling(pollMs) },
  { name: 'polling, woken by NOTIFY', ours: polling(pollMs, true), peer: null },
  { name: 'change data capture', ours: changeDataCapture, peer: peerReplication },
];

export const postgresOutbox: Benchmark = {
  name: 'postgres-outbox',
  about: `events of an outbox in Postgres to a sink in the relay's process, in order for each of 1,000 aggregates: ${waiting.ours} that wait, and ${steady.events} that are committed one every ${steady.everyMs} ms`,
  notMeasured: [
    'a disk: fsync is off; a network: server, publisher and relay share one machine',
    'a broker: the sink takes events at once, so that what is left is the relay and its database',
    `the peer with more than ${waiting.peer} events waiting: its polling looks at all that wait each time, and gets slower with them`,
    'what the peer could do without order: each aggregate is a segment of it, and it takes ten messages at a time, a transaction for each',
    'memory of the peer over 200,000 events, which would take it minutes: null. Ours is what the whole process holds after a collection',
  ],
  usesEngine: false,
  async run({ runs, log }) {
    // What is decoded is what has been written: without a commit that waits for that, the log's writer sets the pace.
    const server = await startPostgres({ settings: { synchronous_commit: 'on', max_wal_size: '4GB' } });
    const databases = new Databases(server);
    try {
      const samples: Sample[][] = [];
      for (let run = 0; run < runs; run += 1) {
        const ofRun: Sample[] = [];
        for (const { name, ours, peer } of cases) {
          const both = async <T>(measure: (side: RelaySide, who: 'ours' | 'peer') => Promise<T>) => ({
            ours: await measure(ours, 'ours'),
            peer: peer === null ? null : await measure(peer, 'peer'),
          });
          const rates = await both(async (side, who) =>
            databases.with((one) => rate(side, one, waiting[who])),
          );
          const times = await both(async (side) => databases.with((one) => latencies(side, one)));
          const at = (share: number) => ({
            ours: quantile(times.ours, share),
            peer: times.peer === null ? null : quantile(times.peer, share),
          });
          ofRun.push(
            { measure: 'events/s', case: name, unit: '1/s', ...rates },
            { measure: 'commit to sink, p50', case: name, unit: 'ms', ...at(0.5) },
            { measure: 'commit to sink, p99', case: name, unit: 'ms', ...at(0.99) },
            {
              ...{ measure: 'events that never come', case: name, unit: `of ${steady.events}` },
              ours: steady.events - times.ours.length,
              peer: times.peer === null ? null : steady.events - times.peer.length,
            },
          );
          log(`postgres-outbox: ${name}, run ${run + 1} of ${runs}`);
        }
        samples.push(ofRun);
      }
      samples.push(await memory(databases, log));
      return { rows: rowsOf(samples, 'pg-transactional-outbox') };
    } finally {
      await server.stop();
    }
  },
};

/** Gives each measurement an empty database, and takes it away again. */
class Databases {
  #made = 0;
  readonly #server: LocalPostgres;

  constructor(server: LocalPostgres) {
    this.#server = server;
  }

  async with<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const name = `bench_${(this.#made += 1)}`;
    const admin = new Pool({ connectionString: this.#server.url(), max: 1 });
    await admin.query(`CREATE DATABASE ${name}`);
    const url = this.#server.url(name);
    const pool = new Pool({ connectionString: url, max: 12 });
    try {
      return await work({ url, name, pool });
    } finally {
      await pool.end();
      await admin.query(
        'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active',
        [name],
      );
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    }
  }
}

async function rate(side: RelaySide, database: Database, count: number): Promise<number> {
  await side.setUp(database);
  await side.publishMany(database, count);
  const all = Promise.withResolvers<undefined>();
  let taken = 0;
  const began = performance.now();
  const relay = await side.start(database, () => {
    if ((taken += 1) === count) all.resolve(undefined);
  });
  await all.promise;
  const seconds = (performance.now() - began) / 1000;
  await relay.stop();
  return count / seconds;
}

/** Milliseconds from just before each COMMIT's transaction until the sink has the event, if it ever has. */
async function latencies(side: RelaySide, database: Database): Promise<number[]> {
  await side.setUp(database);
  const warmUp = 50;
  const total = warmUp + steady.events;
  const begun = new Map<number, number>();
  const took = new Map<number, number>();
  let last = performance.now();
  const all = Promise.withResolvers<undefined>();
  const relay = await side.start(database, (n) => {
    if (!took.has(n)) took.set(n, performance.now() - (begun.get(n) ?? NaN));
    last = performance.now();
    if (took.size === total) all.resolve(undefined);
  });
  const start = performance.now();
  const commits: Promise<void>[] = [];
  for (let n = 0; n < total; n += 1) {
    await sleep(Math.max(0, start + n * steady.everyMs - performance.now()));
    begun.set(n, performance.now());
    commits.push(side.publishOne(database, n));
  }
  await Promise.all(commits);
  last = performance.now();
  // A relay that passes events over for good would be waited for until the end of days.
  const givesUp = setInterval(() => {
    if (performance.now() - last > giveUpMs) all.resolve(undefined);
  }, 100);
  await all.promise;
  clearInterval(givesUp);
  await relay.stop();
  return [...took].filter(([n]) => n >= warmUp).map(([, ms]) => ms);
}

/** What the process holds after 20,000 and after 200,000 events of one relay, in MB. */
async function memory(databases: Databases, log: (line: string) => void): Promise<Sample[]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 2 ** 20;
  };
  const samples: Sample[] = [];
  for (const [name, side] of [
    ['polling', polling(pollMs, false)],
    ['change data capture', changeDataCapture],
  ] as const) {
    const marks: number[] = [];
    await databases.with(async (database) => {
      await side.setUp(database);
      for (let n = 0; n < longRun; n += warm) await side.publishMany(database, warm);
      const all = Promise.withResolvers<undefined>();
      let taken = 0;
      const relay = await side.start(database, () => {
        taken += 1;
        if (taken === warm || taken === longRun) marks.push(held());
        if (taken === longRun) all.resolve(undefined);
      });
      await all.promise;
      await relay.stop();
    });
    for (const [at, ours] of [
      [warm, marks[0] ?? NaN],
      [longRun, marks[1] ?? NaN],
    ] as const)
      samples.push({
        ...{ measure: `memory after ${at.toLocaleString('en')} events`, case: name, unit: 'MB' },
        ...{ ours, peer: null },
      });
    log(`postgres-outbox: memory, ${name}`);
  }
  return samples;
}
