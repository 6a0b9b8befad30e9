import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import { ConnectWorker } from '../../lib/cdc/connect-worker.js';
import { DebeziumConnector } from '../../lib/cdc/debezium-connector.js';
import { ConnectRest, ConnectorWatch } from '../../runtime/cdc/connect/index.js';
import { postgresSinkTable } from '../../runtime/cdc/index.js';
import { connectJars, startConnect } from '../../targets/connect/index.js';
import { startEmbedded } from '../../targets/embedded/index.js';
import { installKafkaClient, startKafka } from '../../targets/kafka/index.js';
import { startPostgres } from '../../targets/postgres/index.js';
import type { Cleanup } from '../cleanup.js';
import type { Audited } from './audits.js';
import { connectorState, untilRunning, untilSnapshotIsOver } from './connector.js';
import type { CdcOptions } from './options.js';
import { topicPrefix, topics } from './order.js';
import { SinkProcesses } from './sink-processes.js';
import { tables, type Workload } from './workload.js';

export interface Pipeline {
  readonly sinks: SinkProcesses;
  readonly workload: Pick<Workload, 'pool' | 'folder'>;
  readonly audited: Audited;
  /** Kills the worker, and starts it again. */
  killConnect(): Promise<void>;
  /** Kills a broker of three, starts it again, and waits until it has caught up. */
  killBroker(): Promise<void>;
  /** Kafka loses everything, and begins anew as another cluster; the connector takes a new snapshot. */
  recreateCluster(): Promise<void>;
  /** How far connector and slot are, for people: where a change is missing, one of them may stand still. */
  state(): Promise<readonly string[]>;
  /** What became of the pipeline until now. */
  readonly fate: Readonly<Fate>;
}

interface Fate {
  connectKills: number;
  brokerKills: number;
  recreated: number;
  /** Tasks of Connect that had failed, and were started again. */
  revived: number;
}

/** The library's own settings of a worker, made small enough for this machine. */
const workerSettings = {
  'offset.storage.partitions': '1',
  'status.storage.partitions': '1',
  'offset.flush.interval.ms': '1000',
};

/** Between two looks after the connector, in milliseconds. */
const watchMs = 2_000;

/**
 * Starts it all: what cannot be had is refused by name, first of all.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError, KafkaClientError, PostgresMissingError, …
 */
export async function startPipeline(
  { exactlyOnce, brokerKills }: Pick<CdcOptions, 'exactlyOnce' | 'brokerKills'>,
  log: (line: string) => void,
  undo: Cleanup,
  signal: AbortSignal,
): Promise<Pipeline> {
  const brokers = brokerKills > 0 ? 3 : 1;
  const { folder: jars, debeziumVersion } = await connectJars(log);
  const client = await installKafkaClient(log);
  const broker = await startKafka({ brokers, log });
  undo.add('stop Kafka', () => broker.stop());
  const postgres = await startPostgres();
  undo.add('stop Postgres', () => postgres.stop());
  const emulator = await startEmbedded({ log });
  undo.add('stop the emulator', () => emulator.stop());
  signal.throwIfAborted();

  const source = new Pool({ connectionString: postgres.url(), max: 6 });
  undo.add('close the connections', () => source.end());
  // The server ends with the run: its connections say so.
  source.on('error', () => undefined);
  for (const table of tables) await source.query(table);
  await source.query("INSERT INTO payments VALUES (0, 1.00, 'EUR', NULL)");
  await source.query("INSERT INTO accounts VALUES ('a', 0)");
  await source.query('CREATE DATABASE model');
  const model = new Pool({ connectionString: postgres.url('model'), max: 2 });
  undo.add('close the read model', () => model.end());
  model.on('error', () => undefined);
  for (const table of [...tables, postgresSinkTable()]) await model.query(table);
  const { rows } = await source.query<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_control_system()',
  );
  const systemId = rows[0]?.id ?? '';

  const { endpoint, region, credentials } = emulator.client;
  const s3 = { endpoint, region, credentials, bucket: 'cdc' };
  const bucketMaker = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  await bucketMaker.send(new CreateBucketCommand({ Bucket: s3.bucket }));

  process.env.EXACTLY_ONCE_DATABASE_PASSWORD = 'anything: the server trusts the loopback interface';
  const { config } = new ConnectWorker({
    bootstrapServers: broker.servers,
    groupId: 'cdc',
    replicationFactor: brokers,
    settings: exactlyOnce ? workerSettings : { ...workerSettings, 'exactly.once.source.support': 'disabled' },
  });
  const worker = await startConnect({ jars, config });
  undo.add('stop Kafka Connect', () => worker.stop());
  // A Debezium that can lose rows is refused here, by the same rule as at synth.
  const connector = new DebeziumConnector({
    debeziumVersion,
    topicPrefix,
    tables: ['public.payments', 'public.accounts'],
    databaseHost: postgres.host,
    databasePort: postgres.port,
    databaseName: 'postgres',
    databaseUser: 'postgres',
    databasePassword: '${env:EXACTLY_ONCE_DATABASE_PASSWORD}',
    topicReplicationFactor: brokers,
  });
  // As a worker of a ConnectService registers its connector, and looks after it.
  const rest = new ConnectRest(worker.url);
  const watch = new ConnectorWatch({
    rest,
    connector: connector.name,
    config: { ...connector.config, ...(!exactlyOnce && { 'exactly.once.support': 'requested' }) },
    mostRestarts: Infinity,
  });
  const putConnector = async () => {
    await watch.register();
    await untilRunning(rest, connector.name);
  };
  await putConnector();
  log(
    `Debezium ${debeziumVersion} runs in Kafka Connect ${exactlyOnce ? 'with' : 'without'} exactly-once source support`,
  );
  signal.throwIfAborted();

  const place = { servers: broker.servers, client, systemId, s3 };
  const sinks = await SinkProcesses.start({
    ...place,
    topics: Object.values(topics),
    model: postgres.url('model'),
  });
  undo.add('stop the sinks', () => sinks.stop());
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-copy-'));
  undo.add('remove what was copied', () => rm(folder, { recursive: true, force: true }));
  // Postgres runs as another user.
  await chmod(folder, 0o755);
  const fate: Fate = { connectKills: 0, brokerKills: 0, recreated: 0, revived: 0 };
  const looking = setInterval(
    () => void watch.look().then(({ restarts }) => void (fate.revived += restarts > 0 ? 1 : 0)),
    watchMs,
  );
  undo.add('stop watching Connect', () => {
    clearInterval(looking);
    return Promise.resolve();
  });
  // One at a time: a worker does not start while the cluster is another.
  const inTurn = turns();
  return {
    sinks,
    workload: { pool: source, folder },
    audited: { source, model, ...place },
    fate,
    state: async () => [
      ...(await connectorState(rest, worker.url, connector.name)),
      ...(await slotsOf(source)),
    ],
    killConnect: () =>
      inTurn(async () => {
        if (fate.connectKills === 0) await untilSnapshotIsOver(worker.url, connector.name);
        await worker.kill();
        fate.connectKills += 1;
        await worker.restart();
      }),
    killBroker: async () => {
      const node = 1 + (fate.brokerKills % brokers);
      await broker.kill(node);
      fate.brokerKills += 1;
      await broker.restart(node);
      await broker.inSync();
    },
    recreateCluster: () =>
      inTurn(async () => {
        await worker.kill();
        await broker.recreate();
        fate.recreated += 1;
        await worker.restart();
        await putConnector();
      }),
  };
}

async function slotsOf(source: Pool): Promise<readonly string[]> {
  const { rows } = await source.query<Record<string, unknown>>(
    `SELECT slot_name, active, wal_status, restart_lsn, confirmed_flush_lsn, pg_current_wal_lsn() AS written
       FROM pg_replication_slots`,
  );
  return rows.map((row) => `slot: ${JSON.stringify(row)}`);
}

function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return (act: () => Promise<void>): Promise<void> => {
    const acted = last.then(act);
    last = acted.catch(() => undefined);
    return acted;
  };
}
