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
  /** Makes the connector, or changes it, and waits until its task runs. @throws ConnectError */
  put(name: string, config: Readonly<Record<string, string>>): Promise<void>;
  /** Waits until the connector's task runs. @throws ConnectError with what it says when it has failed */
  untilRunning(name: string): Promise<void>;
  /**
   * Starts what has failed of the connector again, as who watches over it does: a task whose transaction has run out,
   * as when a broker dies, is not started again by Connect itself.
   *
   * @returns whether something had failed; false also of a worker that does not answer
   */
  revive(name: string): Promise<boolean>;
  /** Kills the JVM with SIGKILL and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again. @throws ConnectError */
  restart(): Promise<void>;
  /** The last lines of it. */
  output(): string;
  /** Ends it. May be called more than once. */
  stop(): Promise<void>;
}

const startSeconds = 120;

/**
 * Starts a worker of Kafka Connect in distributed mode, whose REST API listens on 127.0.0.1.
 *
 * @throws ConnectError with its last lines when it does not answer within 120 s
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
    async put(name, connector) {
      await asked(`${url}/connectors/${name}/config`, connector);
      await untilRunning(url, name);
    },
    untilRunning: (name) => untilRunning(url, name),
    revive: (name) => revive(url, name).catch(() => false),
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

interface Status {
  readonly connector: { readonly state: string; readonly trace?: string };
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
}

async function untilRunning(url: string, name: string): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  let last: Status | undefined;
  while (Date.now() < deadline) {
    last = await asked<Status>(`${url}/connectors/${name}/status`).catch(() => last);
    const parts = last === undefined ? [] : [last.connector, ...last.tasks];
    const failed = parts.find(({ state }) => state === 'FAILED');
    if (failed !== undefined)
      throw new ConnectError(
        `connector '${name}' has failed: ${failed.trace?.split('\n').slice(0, 6).join('\n')}`,
      );
    if (parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')) return;
    await sleep(250);
  }
  throw new ConnectError(
    `connector '${name}' does not run after ${startSeconds} s: ${last?.connector.state ?? 'no answer'}`,
  );
}

async function revive(url: string, name: string): Promise<boolean> {
  const answer = await fetch(`${url}/connectors/${name}/status`);
  if (!answer.ok) return false;
  const { connector, tasks } = (await answer.json()) as Status;
  if (![connector, ...tasks].some(({ state }) => state === 'FAILED')) return false;
  const restart = `${url}/connectors/${name}/restart?includeTasks=true&onlyFailed=true`;
  return (await fetch(restart, { method: 'POST' })).ok;
}

/** A worker that is busy with a rebalance says 409. @throws ConnectError */
async function asked<T>(url: string, body?: object): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(url, {
      method: body === undefined ? 'GET' : 'PUT',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.ok) return (await answer.json()) as T;
    const text = await answer.text();
    if (![409, 500].includes(answer.status) || Date.now() > deadline)
      throw new ConnectError(`Kafka Connect answered ${answer.status} to ${url}: ${text.slice(0, 2_000)}`);
    await sleep(500);
  }
}
