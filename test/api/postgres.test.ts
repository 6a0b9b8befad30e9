import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import type { Api, RequestSummary } from '../../runtime/api/index.js';
import {
  postgresApiSettings,
  postgresIdempotentApi,
  postgresLeases,
  type PostgresIdempotentApiOptions,
  type PostgresPool,
} from '../../runtime/api/postgres/index.js';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import { InvalidSettings } from '../../runtime/dedup/errors.js';
import { migrate } from '../../runtime/postgres/migrate.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { payInPostgres } from './pay-in-postgres.js';
import { day, json, limits, PaymentBody, request } from './payments.js';
import { once, OnPostgres } from './stores.js';

const postgres = testPostgres();
let store: OnPostgres;
beforeAll(async () => {
  store = await OnPostgres.open(postgres);
});
afterAll(async () => store.close());

type Options = Partial<PostgresIdempotentApiOptions<PaymentBody>>;
type Asked = ReturnType<typeof once>;

function apiOf(more: Options = {}, summaries: RequestSummary[] = []): Api {
  return postgresIdempotentApi<PaymentBody>({
    settings: { apiName: 'payments', windowSeconds: day },
    pool: store.pool,
    schema: PaymentBody,
    handle: payInPostgres,
    observe: (summary) => summaries.push(summary),
    ...more,
  });
}
const ask = async ({ key, body }: Asked, on = apiOf(), within = limits()) =>
  on(request({ key, body }), within);
const kindOf = (answer: Parameters<typeof json>[0]) =>
  (json(answer) as { type: string }).type.split(':').at(-1);

/** Resolves when so many sessions of the database wait for a lock. */
async function waiting(sessions: number): Promise<void> {
  const text =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  for (;;) {
    const { rows } = await store.pool.query<{ n: number }>(text);
    if ((rows[0]?.n ?? 0) >= sessions) return;
    await sleep(5);
  }
}

/** A handler that pays, and then waits until it is let go. */
function held() {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  let begun = (): void => undefined;
  const isRunning = new Promise<void>((resolve) => (begun = resolve));
  let runs = 0;
  const on = apiOf({
    handle: async (keyed, tx) => {
      runs += 1;
      begun();
      const answer = await payInPostgres(keyed, tx);
      await gate;
      return answer;
    },
  });
  return { on, isRunning, letGo: () => letGo(), runs: () => runs };
}

describe('a request whose key is under way', () => {
  test('waits for it, and has its answer; its handler does not run', async () => {
    const asked = once();
    const { on, letGo, runs } = held();
    const both = [ask(asked, on), ask(asked, on)];
    await waiting(1);
    letGo();
    const answers = await Promise.all(both);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter(({ headers }) => 'idempotent-replayed' in headers)).toHaveLength(1);
    expect([runs(), await store.payments(asked.account)]).toEqual([1, 1]);
  });

  test('is 503 with Retry-After when its time is over before, and that nothing was committed is said', async () => {
    const asked = once();
    const { on, isRunning, letGo } = held();
    const first = ask(asked, on);
    await isRunning;
    const answer = await ask(asked, on, { deadline: Date.now() + 1_000 });
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'x-should-retry': 'true' });
    letGo();
    expect((await first).status).toBe(201);
    expect((await ask(asked)).headers).toHaveProperty('idempotent-replayed');
    expect(await store.payments(asked.account)).toBe(1);
  });
});

describe.each(['read committed', 'repeatable read', 'serializable'] as const)('%s', (isolation) => {
  test('20 requests at once with one key, and 20 after its window: one payment each, one answer each', async () => {
    const asked = once();
    const on = apiOf({ isolation, settings: { apiName: isolation.replace(' ', '-'), windowSeconds: day } });
    const all = async () => Promise.all(Array.from({ length: 20 }, async () => ask(asked, on)));
    for (const payments of [1, 2]) {
      const answers = await all();
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(201);
      expect(await store.payments(asked.account)).toBe(payments);
      await store.pool.query("UPDATE exactly_once.receipts SET expires_at = now() - interval '1 second'");
    }
  });

  test('20 requests of one account, each with a key of its own: all are counted', async () => {
    const { account, body } = once();
    const on = apiOf({ isolation });
    const answers = await Promise.all(Array.from({ length: 20 }, async () => ask({ ...once(), body }, on)));
    const done = answers.filter(({ status }) => status === 201).length;
    // Whoever lost ten times is told that nothing was committed.
    for (const answer of answers) if (answer.status !== 201) expect(kindOf(answer)).toBe('not-committed');
    expect(done).toBeGreaterThan(0);
    expect(await store.payments(account)).toBe(done);
  });
});

describe('what is known of an end', () => {
  test('no server: nothing was committed', async () => {
    const asked = once();
    const nowhere = new Pool({ host: '127.0.0.1', port: 1 });
    const answer = await ask(asked, apiOf({ pool: nowhere }));
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
    await nowhere.end();
  });

  test('a connection that breaks under the handler: it runs again on another one, and acts once', async () => {
    const asked = once();
    let breaks = 1;
    const on = apiOf({
      handle: async (keyed, tx) => {
        const answer = await payInPostgres(keyed, tx);
        if (breaks-- > 0) {
          const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
          await store.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
        }
        await tx.query('SELECT 1');
        return answer;
      },
    });
    expect((await ask(asked, on)).status).toBe(201);
    expect(await store.payments(asked.account)).toBe(1);
  });

  test.each(['stands', 'did not arrive'])(
    'a COMMIT without an answer, and then no connection: not known; it %s, and so the next request finds',
    async (what) => {
      const asked = once();
      const faulty = store.faulty(what === 'stands' ? 'answers' : 'writes');
      const gone: PostgresPool = {
        options: faulty.options,
        connect: async () => {
          if (faulty.sent.includes('COMMIT')) throw new Error('connect ECONNREFUSED');
          return faulty.connect();
        },
      };
      const answer = await ask(asked, apiOf({ pool: gone }));
      expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
      const again = await ask(asked);
      expect(again.status).toBe(201);
      expect('idempotent-replayed' in again.headers).toBe(what === 'stands');
      expect(await store.payments(asked.account)).toBe(1);
    },
  );

  test('no time left for COMMIT: it is not sent, and nothing was committed', async () => {
    const asked = once();
    const deadline = Date.now() + 300;
    armCrashPoints(async (point) => {
      if (point === 'before-commit') await sleep(deadline + 20 - Date.now());
    });
    try {
      const answer = await ask(asked, apiOf(), { deadline });
      expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
    } finally {
      armCrashPoints(undefined);
    }
    expect(await store.payments(asked.account)).toBeUndefined();
    expect((await ask(asked)).status).toBe(201);
  });

  test('a handler that is not through by then: 500, nothing was committed, and no lock stays', async () => {
    const asked = once();
    const { on, letGo } = held();
    const answer = await ask(asked, on, { deadline: Date.now() + 300 });
    expect([answer.status, kindOf(answer)]).toEqual([500, 'handler-failed']);
    letGo();
    expect((await ask(asked)).status).toBe(201);
    expect(await store.payments(asked.account)).toBe(1);
  });

  test('tables that are not there: 503, and when they are, the same request acts', async () => {
    const { pool } = await postgres.pool({ isEmpty: true });
    const asked = once();
    const on = apiOf({ pool, handle: () => ({ status: 201 }) });
    const summaries: RequestSummary[] = [];
    const answer = await ask(asked, apiOf({ pool }, summaries));
    expect([answer.status, kindOf(answer)]).toEqual([503, 'not-committed']);
    expect(summaries[0]?.error).toMatchObject({ cause: { name: 'SchemaNotReady' } });
    await migrate({ pool });
    expect((await ask(asked, on)).status).toBe(201);
  });

  test('R17: a receipt of a newer version is neither run nor replayed, also after its time', async () => {
    const asked = once();
    await ask(asked);
    for (const set of ['v = 2', "expires_at = now() - interval '1 second'"]) {
      await store.pool.query(`UPDATE exactly_once.receipts SET ${set}`);
      const answer = await ask(asked);
      expect([answer.status, kindOf(answer)]).toEqual([503, 'not-confirmed']);
    }
    expect(await store.payments(asked.account)).toBe(1);
    await store.pool.query('DELETE FROM exactly_once.receipts WHERE v = 2');
  });
});

describe('statements of a handler that fail', () => {
  const insert = 'INSERT INTO accounts VALUES ($1, 1, 0)';

  test('14: in a savepoint, they are its to answer, and that is saved with what else it wrote', async () => {
    const asked = once();
    await ask({ ...once(), body: asked.body });
    const on = apiOf({
      handle: async ({ body: { account } }, tx) => {
        try {
          await tx.savepoint(async () => tx.query(insert, [account]));
        } catch (error) {
          if ((error as { code?: unknown }).code !== '23505') throw error;
          await tx.query('UPDATE accounts SET balance = 7 WHERE account = $1', [account]);
          return { status: 409, body: { known: true } };
        }
        return { status: 201 };
      },
    });
    expect(await ask(asked, on)).toMatchObject({ status: 409, body: '{"known":true}' });
    expect((await ask(asked, on)).headers).toHaveProperty('idempotent-replayed');
    const { rows } = await store.pool.query('SELECT balance FROM accounts WHERE account = $1', [
      asked.account,
    ]);
    expect(rows).toEqual([{ balance: '7' }]);
  });

  test('12: swallowed without one, they are 500 and nothing is committed', async () => {
    const asked = once();
    await ask({ ...once(), body: asked.body });
    const summaries: RequestSummary[] = [];
    const on = apiOf(
      {
        handle: async ({ body: { account } }, tx) => {
          await tx.query(insert, [account]).catch(() => undefined);
          return { status: 201 };
        },
      },
      summaries,
    );
    const answer = await ask(asked, on);
    expect([answer.status, kindOf(answer)]).toEqual([500, 'handler-failed']);
    expect(summaries[0]?.error).toMatchObject({ name: 'StatementFailed' });
    expect((await ask(asked)).headers).not.toHaveProperty('idempotent-replayed');
  });

  test.each([
    ['a value that Postgres cannot hold', ["SELECT $1 || 'x'", ['\0']]],
    ['a COMMIT of its own', ['COMMIT', []]],
    ['a table that is not there', ['SELECT FROM nowhere', []]],
  ] as const)('12: %s is 500, and nothing is committed', async (_what, [text, values]) => {
    const asked = once();
    const on = apiOf({
      handle: async (keyed, tx) => {
        const answer = await payInPostgres(keyed, tx);
        await tx.query(text, values);
        return answer;
      },
    });
    const answer = await ask(asked, on);
    expect([answer.status, kindOf(answer)]).toEqual([500, 'handler-failed']);
    expect(await store.payments(asked.account)).toBeUndefined();
  });
});

describe('answers of any size are in the row of the receipt', () => {
  const mib = 1024 * 1024;
  test.each<[string, () => string | Uint8Array]>([
    ['text', () => `\uFEFFé${'x'.repeat(5 * mib)}`],
    ['bytes', () => Buffer.alloc(4 * mib, 255)],
  ])('%s', async (_kind, body) => {
    const asked = once();
    const on = apiOf({
      handle: async (keyed, tx) => ({ ...(await payInPostgres(keyed, tx)), body: body() }),
    });
    const [first, again] = [await ask(asked, on), await ask(asked, on)];
    expect(Buffer.from(again.body).equals(Buffer.from(first.body))).toBe(true);
    expect(typeof again.body).toBe(typeof first.body);
    expect(again.headers).toHaveProperty('idempotent-replayed');
    expect(await store.payments(asked.account)).toBe(1);
  });

  test('beyond 32 MiB they are refused before the commit', async () => {
    const asked = once();
    const body = Buffer.alloc(32 * mib);
    const on = apiOf({ handle: async (keyed, tx) => ({ ...(await payInPostgres(keyed, tx)), body }) });
    expect((await ask(asked, on)).status).toBe(500);
    expect(await store.payments(asked.account)).toBeUndefined();
  });
});

test('connections that are killed at random, under load: who comes again until there is an answer acts once', async () => {
  const bare = new Pool({ connectionString: store.url });
  const on = apiOf({ pool: bare });
  const all = Array.from({ length: 20 * Number(process.env.POSTGRES_KILLS ?? 5) }, once);
  const stop = new AbortController();
  let killed = 0;
  const killing = (async () => {
    while (!stop.signal.aborted) {
      const { rowCount } = await store.pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
          "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE '%pg_terminate_backend%' ORDER BY random() LIMIT 1",
      );
      killed += rowCount ?? 0;
      await sleep(5);
    }
  })();
  const statuses: Record<string, number> = {};
  const untilAnswered = async (asked: Asked): Promise<void> => {
    for (;;) {
      const { status } = await ask(asked, on);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 201) return;
    }
  };
  try {
    for (let at = 0; at < all.length; at += 10) await Promise.all(all.slice(at, at + 10).map(untilAnswered));
  } finally {
    stop.abort();
    await killing;
    await bare.end();
  }
  reportFigures('api on Postgres, connections killed', { killed, requests: all.length, ...statuses });
  expect(killed).toBeGreaterThan(0);
  for (const { account } of all) expect(await store.payments(account)).toBe(1);
}, 600_000);

describe('settings', () => {
  test('are read from the environment, and everything that is wrong is said', () => {
    const environment = { EXACTLY_ONCE_API_NAME: 'payments', EXACTLY_ONCE_WINDOW_SECONDS: '60' };
    expect(postgresApiSettings(environment)).toEqual({ apiName: 'payments', windowSeconds: 60 });
    expect(() => postgresApiSettings({ EXACTLY_ONCE_WINDOW_SECONDS: 'x' })).toThrow(
      /EXACTLY_ONCE_API_NAME is not set.*EXACTLY_ONCE_WINDOW_SECONDS must be a whole number/,
    );
  });

  test('that cannot be are refused at start', () => {
    const start = (more: Options) => () => apiOf(more);
    expect(start({ settings: { apiName: 'a', windowSeconds: 31 * day } })).toThrow('windowSeconds must be');
    expect(start({ maxBodyBytes: -1 })).toThrow(InvalidSettings);
    const single = new Pool({ max: 1 });
    expect(start({ pool: single, leases: postgresLeases() })).toThrow('leases need a second connection');
  });
});
