import { testPostgres } from '../fixtures/postgres.js';
import { MutantPool, type Turn } from './mutation/mutant-pool.js';
import { outboxScenarios } from './mutation/outbox-scenarios.js';
import { storeScenarios, type Scenario } from './mutation/store-scenarios.js';

/**
 * The conditions in the SQL of the library on which a guarantee rests, each turned off, and what happens then. Left
 * out are conditions that another one holds as well, and those without which somebody only waits or asks again.
 */
interface Mutant extends Turn {
  readonly noticedBy: keyof typeof storeScenarios | keyof typeof outboxScenarios;
  /** The function of the database that has it. @default - it is in a statement of the runtime */
  readonly of?: string;
}

const seen = /(fence = \$\d+ AND status = \$\d+ AND ends_at = \$\d+)/;
const held = 'AND (TRUE OR $1) ';

const mutants: Readonly<Record<string, Mutant>> = {
  'a receipt is made once': {
    from: 'ON CONFLICT (id) DO NOTHING RETURNING 1 AS taken',
    to: 'ON CONFLICT (id) DO UPDATE SET token = excluded.token RETURNING 1 AS taken',
    noticedBy: 'a copy of a message',
  },
  'a receipt is taken anew only when its time is over': {
    from: 'AND expires_at <= now() AND v',
    to: 'AND v',
    noticedBy: 'two with a key whose window is over',
  },
  'transactions are repeatable read': {
    from: 'ISOLATION LEVEL REPEATABLE READ',
    to: 'ISOLATION LEVEL READ COMMITTED',
    noticedBy: 'two that read a row and write it',
  },
  'only what is over is pruned': {
    from: 'WHERE expires_at < now() AND',
    to: 'WHERE',
    noticedBy: 'a copy, after pruning',
  },
  'no effect is pruned that waits for a person': {
    from: 'attention IS NULL',
    to: 'TRUE',
    noticedBy: 'an effect that waits for a person, after pruning',
  },
  'an aggregate is locked before its positions are read': {
    from: /SELECT pg_advisory_xact_lock\(-?\d+\); SAVEPOINT/,
    to: 'SELECT 1; SAVEPOINT',
    noticedBy: 'two deliveries of one version',
  },
  'a state is taken only when it is not older': {
    from: '(w.number <= excluded.number OR w.text <= excluded.text)',
    to: 'TRUE',
    noticedBy: 'an older state after a newer one',
  },
  'no watermark of a newer version is written over': {
    from: /w\.v <= \d+ AND/,
    to: '',
    noticedBy: 'an older state after a newer one',
  },
  'a lease is made once': {
    from: /(INSERT INTO exactly_once\.leases .*) DO NOTHING/s,
    to: '$1 DO UPDATE SET fence = excluded.fence',
    noticedBy: 'four that claim an effect',
  },
  'a lease is taken over as it was seen': {
    from: new RegExp(`AND ${seen.source} `),
    to: held,
    noticedBy: 'four that take an ended lease over',
  },
  'that is: under the same fence': {
    from: /AND (fence = \$\d+) AND status = (\$\d+) AND ends_at/,
    to: 'AND (TRUE OR $1) AND status = $2 AND ends_at',
    noticedBy: 'four that take an ended lease over',
  },
  'that is: with the same end': {
    from: /(UPDATE exactly_once\.leases SET status = 'INPROGRESS'.*) AND (ends_at = \$\d+) /s,
    to: '$1 AND (TRUE OR $2) ',
    noticedBy: 'a lease that was prolonged',
  },
  'a lease is blocked as it was seen': {
    from: /(UPDATE exactly_once\.leases SET status = 'UNKNOWN', fence.*) AND (fence.*) RETURNING/s,
    to: '$1 AND (TRUE OR $2) RETURNING',
    noticedBy: 'a lease that was prolonged',
  },
  'a lease is unlocked as it was seen': {
    from: new RegExp(`AND ${seen.source} `),
    to: held,
    noticedBy: 'an effect that goes on while a person looks at it',
  },
  'only the owner of a lease says what became of it': {
    from: /(AND fence = \$2) AND status = 'INPROGRESS'/,
    to: "AND (TRUE OR fence = $2) AND status = 'INPROGRESS'",
    noticedBy: 'an owner that was overtaken',
  },
  'and only while it has it': {
    from: /(AND fence = \$2) AND status = 'INPROGRESS'/,
    to: '$1',
    noticedBy: 'an owner that gave the effect up',
  },
  'a group is changed as it was seen': {
    from: 'AND token = $6',
    to: 'AND (TRUE OR token = $6::uuid)',
    noticedBy: 'two people who decide about a group',
  },
  'a lone start is counted once': {
    from: 'CASE WHEN h.start = excluded.start THEN 0 ELSE excluded.alone END',
    to: 'excluded.alone',
    noticedBy: 'a lone start whose answer is lost',
  },
  'a job is made once': {
    from: 'ON CONFLICT (consumer, job_id) DO NOTHING',
    to: 'ON CONFLICT (consumer, job_id) DO UPDATE SET fence = excluded.fence',
    noticedBy: 'two workers that find a job',
  },
  'a job is claimed as it was seen': {
    from: new RegExp(`AND ${seen.source} `),
    to: held,
    noticedBy: 'two workers that find a job',
  },
  'only the worker of a job writes its row': {
    from: /AND (fence = \$\d+) AND (status = \$\d+) RETURNING/,
    to: 'AND (TRUE OR $1) AND $2 RETURNING',
    noticedBy: 'a worker that was overtaken',
  },
  'a job has acted only if its receipt is there': {
    from: 'EXISTS (SELECT 1 FROM exactly_once.receipts WHERE id = j.receipt)',
    to: 'TRUE',
    noticedBy: 'a job that has not acted',
  },
  'a lane is locked by one relay': {
    from: 'WHERE pg_try_advisory_xact_lock($1, lane)',
    to: 'WHERE (TRUE OR pg_try_advisory_xact_lock($1, lane))',
    noticedBy: 'a second relay while the first one sends',
  },
  'a stuck stream is tried by one relay': {
    from: /WHERE (pg_try_advisory_xact_lock\(\$1, hashint8\(stream\) \| \d+\))/,
    to: 'WHERE (TRUE OR $1)',
    noticedBy: 'a second relay while the first one sends what was stuck',
  },
  'a stuck stream is not polled': {
    from: /NOT EXISTS \(SELECT FROM \S+outbox_stuck s WHERE s\.stream = w\.stream\)/,
    to: 'TRUE',
    noticedBy: 'one of two targets refuses',
  },
  'what was sent is marked, and nothing else': {
    from: 'AND u.position = sent.position',
    to: 'AND (TRUE OR u.position = sent.position)',
    noticedBy: 'an event that comes while its lane is sent',
  },
  'of a stuck stream what was sent is marked, and nothing else': {
    from: 'AND u.version < sent.next',
    to: 'AND (TRUE OR u.version < sent.next)',
    noticedBy: 'an event that comes while its stream is tried again',
  },
  'a stream stays listed while more of it was passed over': {
    from: 'AND s.seen < done.next',
    to: 'AND (TRUE OR s.seen < done.next)',
    noticedBy: 'an event that the log brings while its stream is tried again',
  },
  'what was passed over meanwhile is not forgotten': {
    from: 'seen = greatest(s.seen, excluded.seen)',
    to: 'seen = excluded.seen',
    noticedBy: 'an event that the log brings while its stream is tried again',
  },
  'a position goes forward': {
    from: 'OR p.end_lsn <= excluded.end_lsn',
    to: 'OR TRUE',
    noticedBy: 'a reader of the log that should be dead',
  },
  'a day is kept for what polling has to send': {
    of: 'outbox_is_confirmed',
    from: /NOT EXISTS \(SELECT FROM \S+outbox_unsent [^)]*\)/,
    to: 'TRUE',
    noticedBy: 'an event of a day that is over waits',
  },
  'a day is kept for what is stuck': {
    of: 'outbox_is_confirmed',
    from: /NOT EXISTS \(SELECT FROM \S+outbox_stuck [^)]*\)/,
    to: 'TRUE',
    noticedBy: 'an event of a day that is over is stuck',
  },
  'a day is kept until the log was read': {
    of: 'outbox_is_confirmed',
    from: /NOT EXISTS \(SELECT FROM \S+outbox_positions WHERE committed_at < now\(\) - interval '1 hour'\)/,
    to: 'TRUE',
    noticedBy: 'the log is not read to its end',
  },
  'a day is kept until somebody reads the log': {
    of: 'outbox_is_confirmed',
    from: /OR EXISTS \(SELECT FROM \S+outbox_positions\)/,
    to: 'OR TRUE',
    noticedBy: 'nobody reads the log yet',
  },
  'an epoch waits for who has published': {
    from: 'SELECT pg_try_advisory_xact_lock($1, 0) AS got',
    to: 'SELECT (TRUE OR pg_try_advisory_xact_lock($1, 0)) AS got',
    noticedBy: 'an epoch begins while a transaction has published',
  },
  'who publishes holds the epoch': {
    of: 'outbox_number',
    from: /PERFORM pg_advisory_xact_lock_shared\([^)]*\);/,
    to: '',
    noticedBy: 'an epoch begins while a transaction has published',
  },
  'the counts of this epoch are kept': {
    from: 'WHERE epoch::bigint < $1::bigint',
    to: 'WHERE (TRUE OR epoch::bigint < $1::bigint)',
    noticedBy: 'an aggregate whose events are no longer kept, after pruning',
  },
  'counts are kept with their events': {
    from: /NOT EXISTS \(SELECT FROM \S+outbox e WHERE e\.stream = page\.stream\)/,
    to: 'TRUE',
    noticedBy: 'an event of an epoch that is over, after pruning',
  },
  'counts are kept for what is stuck': {
    from: /NOT EXISTS \(SELECT FROM \S+outbox_stuck t WHERE t\.stream = page\.stream\)/,
    to: 'TRUE',
    noticedBy: 'an event of an epoch that is over, after pruning',
  },
};

const postgres = testPostgres();
const scenarios: Readonly<Record<string, Scenario>> = { ...storeScenarios, ...outboxScenarios };
let pool: MutantPool;
beforeAll(async () => {
  const { url, pool: plain } = await postgres.pool();
  await plain.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
  pool = new MutantPool(url);
});
afterAll(async () => pool.pool.end());
beforeEach(() => pool.heal());

test.each(Object.keys(scenarios))('%s: nothing goes wrong', async (name) => {
  expect(await scenarios[name]?.(pool)).toBeUndefined();
});

test.each(Object.entries(mutants))('without "%s" something does', async (_, { noticedBy, of, ...turn }) => {
  if (of === undefined) pool.turn(turn);
  const undo = of === undefined ? undefined : await pool.turnFunction(of, turn);
  try {
    expect(await scenarios[noticedBy]?.(pool)).toEqual(expect.any(String));
    expect(pool.hits).toBeGreaterThan(0);
  } finally {
    pool.heal();
    await undo?.();
  }
});

test('every scenario notices a mutant', () => {
  const noticing = new Set(Object.values(mutants).map(({ noticedBy }) => noticedBy));
  expect(Object.keys(scenarios).filter((name) => !noticing.has(name as never))).toEqual([]);
});
