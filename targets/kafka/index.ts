import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded, type GuardedProcess } from '../guarded-process.js';
import { steadyPort } from '../steady-port.js';
import { KafkaStartError } from './errors.js';
import { kafkaJars } from './jars.js';
import { brokerProperties } from './properties.js';
import { describeTransactions, javaCommand, readRecords, runTool } from './tools.js';

export { installKafkaClient, kafkaClientFolder } from './client.js';
export * from './errors.js';
export { kafkaMissing } from './missing.js';

/** One broker that is its own controller, on 127.0.0.1. */
export interface KafkaBroker {
  /** For `bootstrap.servers`. */
  readonly servers: string;
  /** Kills the JVM with SIGKILL and waits for its end. Its folder stays. */
  kill(): Promise<void>;
  /** Starts it again on the same folder and port. @throws KafkaStartError */
  restart(): Promise<void>;
  /**
   * What Kafka's own Java consumer sees of a topic with read_committed: the values, in order per partition.
   *
   * @param atLeast with fewer than these it looks again with more patience. @default 1
   */
  values(topic: string, atLeast?: number): Promise<string[]>;
  /** What may hold readers of a topic of 4 partitions back: its offsets, transactions and producers, for people. */
  transactions(topic: string): Promise<string>;
  /** Ends it and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

const startSeconds = 90;

/**
 * Starts a Kafka broker (KRaft, one node; its version is pinned in pom.xml) on a free port, and waits until it
 * listens.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError when it cannot be fetched
 * @throws KafkaStartError with its last lines when it does not listen within 90 s
 */
export async function startKafka(options: { log?: (line: string) => void } = {}): Promise<KafkaBroker> {
  const jars = await kafkaJars(options.log);
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-kafka-'));
  const port = await steadyPort();
  const properties = join(folder, 'broker.properties');
  await writeFile(properties, brokerProperties(join(folder, 'data'), port, await steadyPort()));
  let broker: GuardedProcess | undefined;
  const stop = async () => {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const start = async () => {
    broker = guarded(javaCommand(jars, 'kafka.Kafka', [properties], 512));
    await untilListening(broker, port);
  };
  const servers = `127.0.0.1:${port}`;
  try {
    // A cluster's id is 16 random bytes in URL-safe base64.
    const id = randomBytes(16).toString('base64url');
    // In one word with its option: one id in 64 begins with '-' and would be read as another option.
    await runTool(jars, 'kafka.tools.StorageTool', ['format', `--cluster-id=${id}`, '-c', properties]);
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  options.log?.(`Kafka ready on ${servers}`);
  return {
    servers,
    kill: async () => {
      const pid = broker?.commandPid();
      if (pid !== undefined && broker?.ended() === false) process.kill(pid, 'SIGKILL');
      await broker?.end;
    },
    restart: start,
    values: (topic, atLeast = 1) => readRecords(jars, servers, topic, atLeast),
    transactions: (topic) => describeTransactions(jars, servers, topic),
    stop,
  };
}

async function untilListening(broker: GuardedProcess, port: number): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline && !broker.ended()) {
    if (await listens(port)) return;
    await sleep(100);
  }
  const output = broker.output();
  const ended = broker.ended();
  await broker.stop();
  throw new KafkaStartError(
    `Kafka ${ended ? 'ended' : `did not listen within ${startSeconds} s`}; its last lines are below\n${output}`,
  );
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 });
    const say = (yes: boolean) => () => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('connect', say(true)).on('error', say(false)).on('timeout', say(false));
  });
}
