import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { Pool } from 'pg';
import { postgresSinkTable } from '../../runtime/cdc/index.js';
import { sleep } from '../../runtime/dedup/sleep.js';
import { createdTable, dynamo, newTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { icebergRows } from './iceberg-rows.js';
import { linesIn, newBucket, s3 } from './lake.js';
import { keepLog } from './log-file.js';
import { planned, type Planned } from './plan.js';
import type { Order } from './sink-process.js';

const kills = Number(process.env.SINK_KILLS ?? 2);
const rows = Number(process.env.SINK_ROWS ?? 2_000);
const seed = Number(process.env.SINK_SEED ?? 1);
const postgres = testPostgres();
const client = s3();
const dynamodb = dynamo();
let program: OwnProcess;
let folder: string;
const started: Process[] = [];

beforeAll(async () => {
  program = await OwnProcess.of(join(__dirname, 'sink-process.ts'));
  folder = await mkdtemp(join(tmpdir(), 'exactly-once-sinks-'));
});
afterAll(async () => {
  // Of a test that has failed one may stand still for ever.
  for (const process of started) process.signal('SIGKILL');
  client.destroy();
  dynamodb.destroy();
  await program.remove();
  await rm(folder, { recursive: true, force: true });
});

/** What a store holds, read by somebody who knows nothing of sinks. */
interface Found {
  /** How often each payment was written. */
  readonly payments: ReadonlyMap<string, number>;
  readonly balances: ReadonlyMap<string, number>;
  /** Of a lake: each change of an account. */
  readonly changes?: number;
}

interface Store {
  readonly sink: Order['sink'];
  found(): Promise<Found>;
  close?(): Promise<void>;
}

const stores: readonly (readonly [string, () => Promise<Store>])[] = [
  ['S3', lake],
  ['Postgres', tables],
  ['DynamoDB', items],
  ['Iceberg', iceberg],
];

test.each(stores)(
  `%s: killed ${kills} times at random, with two zombies and one that was frozen: every row of ${rows} once`,
  async (name, open) => {
    const store = await open();
    const id = () => randomBytes(16).toString('base64url');
    const expected = planned({ seed, rows, topicIds: [id(), id()] });
    const log = join(folder, name);
    await keepLog(expected.log, log);
    const order = (): Order => ({
      log,
      // Another flush size in each process. A commit of Iceberg is slow, and lists all before it.
      batchRows: (name === 'Iceberg' ? 10 : 1) * (20 + Math.floor(Math.random() * 180)),
      client: embedded().client,
      sink: store.sink,
    });
    // Frozen at some moment, and let go when everything else is done.
    const frozen = new Process(program.path, order());
    await frozen.ready;
    await sleep(Math.random() * 150);
    frozen.signal('SIGSTOP');
    for (let kill = 0; kill < kills; kill += 1) {
      // Two at once, of which one dies.
      const two = [0, 1].map(() => new Process(program.path, { ...order(), mortal: true }));
      await Promise.all(two.map(({ ready }) => ready));
      for (const [one, process] of two.entries()) {
        await sleep(Math.random() * (one === 0 ? 300 : 100));
        process.signal('SIGKILL');
        expect(await process.ended).toBe('SIGKILL');
      }
    }
    const last = new Process(program.path, order());
    expect(await last.ended).toBe(0);
    frozen.signal('SIGCONT');
    // Its time may have run out while it stood still, or its connection been closed: then it is started again.
    if ((await frozen.ended) !== 0) expect(await new Process(program.path, order()).ended).toBe(0);
    const figures = compared(await store.found(), expected);
    await store.close?.();
    reportFigures(`sink ${name}`, {
      kills: 2 * kills,
      rows,
      duplicatesInLog: expected.duplicates,
      ...figures,
    });
    expect(figures).toEqual({ lost: 0, doubled: 0, foreign: 0, wrongBalances: 0 });
  },
  Math.max(120_000, kills * 120_000),
);

function compared({ payments, balances, changes }: Found, expected: Planned) {
  const known = new Set(expected.inserted.map(({ id }) => id));
  const wrong = [...expected.balances].filter(([id, balance]) => balances.get(id) !== balance).length;
  const more = [...balances.keys()].filter((id) => !expected.balances.has(id)).length;
  return {
    lost: expected.inserted.filter(({ id }) => !payments.has(id)).length,
    doubled: [...payments.values()].filter((writes) => writes > 1).length,
    foreign: [...payments.keys()].filter((id) => !known.has(id)).length,
    wrongBalances: wrong + more + (changes === undefined ? 0 : Math.abs(changes - expected.changes)),
  };
}

/** One change, as a lake tells it. */
interface Told {
  readonly op: string;
  readonly id: string;
  readonly balance?: number;
}

/** What changes come to, told one after the other. */
function foundIn(told: Iterable<Told>): Found {
  const payments = new Map<string, number>();
  const balances = new Map<string, number>();
  let changes = 0;
  for (const { op, id, balance = Number.NaN } of told) {
    if (id.startsWith('p')) payments.set(id, (payments.get(id) ?? 0) + 1);
    else {
      changes += 1;
      if (op === 'd') balances.delete(id);
      else balances.set(id, balance);
    }
  }
  return { payments, balances, changes };
}

/** Read back by pyiceberg where `ICEBERG_PYTHON` names a Python that has it, else by a plain reader of Parquet. */
async function iceberg(): Promise<Store> {
  const bucket = await newBucket(client);
  return {
    sink: { kind: 'iceberg', bucket },
    async found() {
      const rows = await icebergRows(client, bucket, 'changes/');
      rows.sort((a, b) => Number(a._offset) - Number(b._offset));
      return foundIn(
        rows.map(({ _op, _key, _row }) => ({
          op: _op === 'delete' ? 'd' : _op,
          ...(JSON.parse(_row ?? _key) as Omit<Told, 'op'>),
        })),
      );
    },
  };
}

async function lake(): Promise<Store> {
  const bucket = await newBucket(client);
  return {
    sink: { kind: 's3', bucket },
    async found() {
      return foundIn(
        (await linesIn(client, bucket)).map((line) => {
          const { op, before, after } = JSON.parse(line) as {
            readonly op: string;
            readonly before: Omit<Told, 'op'>;
            readonly after: Omit<Told, 'op'>;
          };
          return { op, ...(op === 'd' ? before : after) };
        }),
      );
    },
  };
}

async function tables(): Promise<Store> {
  const url = await postgres.database();
  const pool = new Pool({ connectionString: url, max: 2 });
  await pool.query(`
    CREATE TABLE payments (id text PRIMARY KEY, v text NOT NULL, writes int NOT NULL DEFAULT 1);
    CREATE TABLE accounts (id text PRIMARY KEY, balance bigint NOT NULL);
    CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.writes := OLD.writes + 1; RETURN NEW; END $$;
    CREATE TRIGGER written BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION written();
  `);
  await pool.query(postgresSinkTable());
  return {
    sink: { kind: 'postgres', url },
    async found() {
      const payments = await pool.query<{ id: string; writes: number }>('SELECT id, writes FROM payments');
      const accounts = await pool.query<{ id: string; balance: string }>('SELECT id, balance FROM accounts');
      return {
        payments: new Map(payments.rows.map(({ id, writes }) => [id, writes])),
        balances: new Map(accounts.rows.map(({ id, balance }) => [id, Number(balance)])),
      };
    },
    close: () => pool.end(),
  };
}

async function items(): Promise<Store> {
  const [watermarks, accounts] = await Promise.all([newTable(dynamodb, 'id'), newTable(dynamodb, 'id')]);
  const payments = await createdTable(dynamodb, {
    KeySchema: [
      { AttributeName: 'id', KeyType: 'HASH' },
      { AttributeName: 'write', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: ['id', 'write'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  });
  return {
    sink: { kind: 'dynamodb', watermarks: watermarks.name, payments, accounts: accounts.name },
    async found() {
      const written = new Map<string, number>();
      for (const { id } of await scanned(payments))
        written.set(id?.S ?? '', (written.get(id?.S ?? '') ?? 0) + 1);
      const balances = new Map(
        (await scanned(accounts.name)).map(({ id, balance }) => [id?.S ?? '', Number(balance?.N)]),
      );
      return { payments: written, balances };
    },
  };
}

async function scanned(TableName: string): Promise<Record<string, AttributeValue>[]> {
  const all: Record<string, AttributeValue>[] = [];
  let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
  do {
    const page = await dynamodb.send(new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }));
    all.push(...(page.Items ?? []));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return all;
}

/** A sink in a process of its own. */
class Process {
  readonly ready: Promise<void>;
  /** With its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  readonly #signal: (signal: NodeJS.Signals) => void;

  constructor(path: string, order: Order) {
    const child = spawn(process.execPath, [path, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // A hundred of them are compiled once.
      env: { ...process.env, NODE_COMPILE_CACHE: `${path}-compiled` },
    });
    this.#signal = (signal) => child.kill(signal);
    started.push(this);
    this.ready = new Promise((resolve) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', () => resolve());
    });
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? code));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#signal(signal);
  }
}
