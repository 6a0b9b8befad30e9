import { receiptId } from '../../runtime/dedup/identity.js';
import type { Once } from '../../runtime/dedup/effect.js';
import { migrate } from '../../runtime/postgres/migrate.js';
import { postgresAggregateWay } from '../../runtime/postgres/aggregate-way.js';
import { postgresWay } from '../../runtime/postgres/transaction-way.js';
import type { Isolation } from '../../runtime/postgres/begin.js';
import type { PostgresTx } from '../../runtime/postgres/transaction.js';
import { testPostgres } from '../fixtures/postgres.js';
import { FaultyPostgres } from './faulty-postgres.js';
import { wayContract, type Ask, type Asked } from './way-contract.js';

const postgres = testPostgres();

async function handle(
  { key, counter, reads, effect, unstorable, throws, result, ran }: Ask,
  tx: PostgresTx,
): Promise<unknown> {
  const read = async () => (await tx.query('SELECT value FROM counters WHERE name = $1', [counter])).rows[0];
  const seen = reads === true ? await read() : undefined;
  await ran?.();
  const thrown = throws?.(seen);
  if (thrown !== undefined) throw thrown as Error;
  if (effect === true) await tx.once('effect', { args: null, run: () => null, onUnknown: 'block' });
  await tx.query(
    'INSERT INTO counters AS c (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = ' +
      (reads === true ? '$2' : 'c.value + 1'),
    [counter, Number(seen?.value ?? 0) + 1],
  );
  if (unstorable === 'row') await tx.query('INSERT INTO counters VALUES ($1, 0)', [`${key}\0`]);
  return unstorable === 'result' ? { when: () => key } : result;
}

const once: Once = async (_, { args, run }) =>
  run(args, { idempotencyKey: 'k', signal: new AbortController().signal });

async function openWay(isolation?: Isolation) {
  const opened = await open();
  const way = postgresWay<Ask, Asked>({
    ...{ pool: opened.faulty, retentionSeconds: 3600, isolation, handle },
    onceFor: () => once,
  });
  return { ...opened, way, idOf: ({ key }: Ask) => receiptId('contract', key) };
}

/** An aggregate for each counter, which has a stream for each key: so each message is the first of its stream. */
async function openAggregateWay(isolation?: Isolation) {
  const opened = await open();
  const way = postgresAggregateWay<Asked, Ask>({
    ...{ pool: opened.faulty, consumerName: 'contract', isolation, handle },
    place: ({ message: { key, counter } }) => ({ address: counter, stream: key, version: 1n }),
    source: ({ message }) => message,
    carry: ({ message }) => JSON.stringify(message),
    restore: (carried) => JSON.parse(carried) as Ask,
  });
  return { ...opened, way, idOf: ({ key, counter }: Ask) => `${counter} ${key}` };
}

async function open() {
  const faulty = new FaultyPostgres(await postgres.database());
  await migrate({ pool: faulty });
  await faulty.pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
  return {
    faulty,
    count: async (name: string) => {
      const { rows } = await faulty.pool.query<{ value: number }>(
        'SELECT value FROM counters WHERE name = $1',
        [name],
      );
      return rows[0]?.value ?? 0;
    },
    loseAnswers: (times: number) => {
      faulty.lost = times;
    },
    conflicts: (times: number) => {
      faulty.conflicts = times;
    },
    hang: (kind: 'write' | 'read') => {
      faulty.hangs = kind;
    },
    leaveUnread: () => undefined,
    close: async () => faulty.pool.end(),
  };
}

const all = {
  reads: true,
  effects: true,
  results: true,
  recall: true,
  runsInCommit: true,
  readsWhole: true,
};
wayContract('the transaction way on Postgres', async () => openWay(), all);
wayContract('the same, serializable', async () => openWay('serializable'), all);

const folding = { recall: true, folds: true, runsInCommit: true, readsWhole: true };
wayContract('the aggregate way on Postgres', async () => openAggregateWay(), folding);
wayContract('the same, repeatable read', async () => openAggregateWay('repeatable read'), folding);
