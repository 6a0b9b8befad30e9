import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded, type GuardedProcess } from '../guarded-process.js';
import { steadyPort } from '../steady-port.js';
import { ConnectError } from './errors.js';

export * from './errors.js';
export { connectJars, connectJarsFolder, type ConnectJars } from './jars.js';

export interface ConnectOptions {
  readonly jars: string;
  /** Of the worker, such as `ConnectWorker` makes it. */
  readonly config: Readonly<Record<string, string>>;
  /** Of the JVM's heap, at most. @default 256 */
  readonly megabytes?: number;
}

/** One worker in a process of its own. */
export interface ConnectProcess {
  /** Of its REST API. */
  readonly url: string;
  /** Kills the JVM with SIGKILL and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again. @throws ConnectError */
  restart(): Promise<void>;
  /** The last lines of it. */
  output(): string;
  /** Ends it. May be called more than once. */
  stop(): Promise<void>;
}

const startSeconds = 600;

/**
 * Starts a worker of Kafka Connect in distributed mode, whose REST API listens on 127.0.0.1.
 *
 * @throws ConnectError with its last lines when it does not answer within 600 s
 */
export async function startConnect({
  jars,
  config,
  megabytes = 256,
}: ConnectOptions): Promise<ConnectProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-connect-'));
  const url = `http://127.0.0.1:${await steadyPort()}`;
  const properties = join(folder, 'worker.properties');
  const all = { ...config, listeners: url };
  await writeFile(
    properties,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  let worker: GuardedProcess;
  const start = async () => {
    // One collector thread and the first compiler only: it shares the cores with all else.
    const jvm = [`-Xmx${megabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    worker = guarded([
      'java',
      ...jvm,
      log,
      '-cp',
      join(jars, '*'),
      'org.apache.kafka.connect.cli.ConnectDistributed',
      properties,
    ]);
    await untilAnswering(worker, url);
  };
  const stop = async () => {
    await worker.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    url,
    kill: async () => {
      const pid = worker.commandPid();
      if (pid !== undefined && !worker.ended()) process.kill(pid, 'SIGKILL');
      await worker.end;
    },
    restart: start,
    output: () => worker.output(),
    stop,
  };
}

async function untilAnswering(worker: GuardedProcess, url: string): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline && !worker.ended()) {
    const answer = await fetch(`${url}/connectors`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(250);
  }
  const output = worker.output();
  const ended = worker.ended();
  await worker.stop();
  throw new ConnectError(
    `Kafka Connect ${ended ? 'ended' : `did not answer within ${startSeconds} s`}; its last lines are below\n${output}`,
  );
}
