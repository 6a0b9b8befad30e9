import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Pool } from 'pg';
import { ConnectWorker } from '../../lib/cdc/connect-worker.js';
import { ConnectRest, runConnectWorker } from '../../runtime/cdc/connect/index.js';
import { connectJarsFolder } from '../../targets/connect/index.js';
import { freePort } from '../../targets/free-port.js';
import { kafkaMissing, startKafka, type KafkaBroker } from '../../targets/kafka/index.js';
import { startPostgres } from '../../targets/postgres/index.js';
import { until } from '../kafka/processor/world.js';
import { localConnector } from './local-connector.js';

const topic = 'shop.public.payments';

function describeWithConnect(): jest.Describe {
  const missing =
    kafkaMissing() ??
    (existsSync(connectJarsFolder()) ? undefined : 'Kafka Connect: `npm run start:cdc` fetches it.');
  if (missing === undefined) return describe;
  process.stdout.write(`${basename(__filename)} is skipped. ${missing}\n`);
  return describe.skip;
}

interface Line {
  readonly kind: string;
  readonly changed?: boolean;
  readonly notRunning?: number;
  readonly restarts?: number;
  readonly slotInactive?: number;
  readonly slotLagBytes?: number;
}

describeWithConnect()('a worker of a ConnectService, by the configurations of the constructs', () => {
  let broker: KafkaBroker;
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let pool: Pool;
  beforeAll(async () => {
    [broker, postgres] = [await startKafka({ isGuarded: true }), await startPostgres()];
    pool = new Pool({ connectionString: postgres.url(), max: 2 });
    pool.on('error', () => undefined);
    await pool.query('CREATE TABLE payments (id int PRIMARY KEY, amount numeric NOT NULL)');
  }, 300_000);
  afterAll(async () => {
    await pool.end();
    await postgres.stop();
    await broker.stop();
  }, 120_000);

  /** As the construct tells it, but for what is this machine's. */
  async function started(): Promise<{
    readonly lines: Line[];
    readonly rest: ConnectRest;
    readonly ended: Promise<unknown>;
    readonly stop: () => Promise<void>;
  }> {
    const port = await freePort();
    const worker = new ConnectWorker({
      bootstrapServers: broker.servers,
      groupId: 'cdc',
      replicationFactor: 1,
      settings: {
        listeners: `http://127.0.0.1:${port}`,
        'offset.storage.partitions': '1',
        'status.storage.partitions': '1',
      },
    });
    const connector = localConnector(postgres);
    const lines: Line[] = [];
    const abort = new AbortController();
    const ended = runConnectWorker({
      settings: {
        worker: worker.config,
        connector: connector.name,
        config: connector.config,
        slot: 'exactly_once',
      },
      database: pool,
      jars: connectJarsFolder(),
      host: '127.0.0.1',
      everyMs: 250,
      // The topic is forbidden for as long as Kafka's tools take.
      mostRestarts: 1_000,
      signal: abort.signal,
      log: (line) => lines.push(line as Line),
    });
    ended.catch(() => undefined);
    const stop = async () => {
      abort.abort();
      await ended;
    };
    return { lines, rest: new ConnectRest(`http://127.0.0.1:${port}`), ended, stop };
  }
  const runs = (lines: readonly Line[]) => lines.at(-2)?.notRunning === 0 || lines.at(-1)?.notRunning === 0;
  const idsIn = (values: readonly string[]) =>
    values.map((value) => (JSON.parse(value) as { after: { id: number } }).after.id);

  test('it registers the connector, starts its failed task again, and a restart changes nothing and tells nothing twice', async () => {
    await pool.query('INSERT INTO payments VALUES (1, 1.50)');
    const first = await started();
    await until('the connector runs', () => runs(first.lines));
    expect(first.lines[0]).toMatchObject({ kind: 'registered', changed: true });
    expect(idsIn(await broker.values(topic, 1))).toEqual([1]);
    await until('the slot is read', () => first.lines.some(({ slotInactive }) => slotInactive === 0));

    // A task that may not write fails, and Connect does not start it again.
    await broker.forbid(topic);
    await pool.query('INSERT INTO payments VALUES (2, 2.50)');
    await until('the task was started again', () => first.lines.some(({ restarts = 0 }) => restarts > 0));
    await broker.allow(topic);
    await until('the connector runs again', () => runs(first.lines));
    expect(idsIn(await broker.values(topic, 2))).toEqual([1, 2]);
    await first.stop();

    await pool.query('INSERT INTO payments VALUES (3, 3.50)');
    const second = await started();
    await until('the connector runs', () => runs(second.lines));
    expect(second.lines[0]).toMatchObject({ kind: 'registered', changed: false });
    expect(idsIn(await broker.values(topic, 3))).toEqual([1, 2, 3]);
    await second.stop();
  }, 400_000);
});
