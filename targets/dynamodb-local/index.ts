import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { dynamoDbLocalJars } from './download.js';
import { DynamoDbLocalStartError } from './errors.js';

export * from './errors.js';
export { optedIn, optInVariable } from './opt-in.js';

export interface DynamoDbLocal {
  readonly endpoint: string;
  /** Spread into a DynamoDB client. */
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Process id of the guard, whose only child is the JVM. */
  readonly pid: number;
  /** Ends it; all tables are gone with it. May be called more than once. */
  stop(): Promise<void>;
}

const mainClass = 'software.amazon.dynamodb.services.local.main.ServerRunner';
const startSeconds = 60;
const portTries = 3;

/**
 * Ends the JVM when standard input closes, which happens however the starting process ends (kill -9 included). The
 * copy of the descriptor is needed because a shell gives what it puts into the background an empty standard input.
 */
const guard = 'exec 3<&0; "$@" & pid=$!; (cat <&3 >/dev/null; kill -9 $pid) & wait $pid';

/**
 * Starts DynamoDB Local (pinned in pom.xml), in memory and without telemetry, on a free port, and waits until it
 * answers. The first call fetches it below `.local/`.
 *
 * It has no option to listen on the loopback interface only: use it where its port is not reachable from elsewhere,
 * or behind a firewall. It checks no credentials.
 *
 * @throws NotOptedInError unless DYNAMODB_LOCAL is 1: its licence asks whoever uses it for an AWS account
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError when it cannot be fetched
 * @throws DynamoDbLocalStartError with its last lines when it does not answer within 60 s
 */
export async function startDynamoDbLocal(
  options: { log?: (line: string) => void } = {},
): Promise<DynamoDbLocal> {
  const jars = await dynamoDbLocalJars(options.log);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const started = launch(jars, port);
    const failure = await untilAnswering(started, port);
    if (failure === undefined) {
      const endpoint = `http://127.0.0.1:${port}`;
      options.log?.(`DynamoDB Local ready on ${endpoint}`);
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      return {
        endpoint,
        client: { endpoint, region: 'us-east-1', credentials },
        pid: started.pid,
        stop: () => started.stop(),
      };
    }
    await started.stop();
    // Another process took the port in between.
    if (attempt === portTries || !failure.message.includes('Address already in use')) throw failure;
  }
}

interface Started {
  readonly pid: number;
  readonly ended: () => boolean;
  readonly output: () => string;
  stop(): Promise<void>;
}

function launch(jars: string, port: number): Started {
  const java = ['java', '-Xmx1g', `-Djava.library.path=${jars}`, '-cp', join(jars, '*'), mainClass];
  const options = ['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)];
  const shell = spawn('sh', ['-c', guard, 'sh', ...java, ...options], {
    // Away from the terminal's process group: Ctrl-C reaches this process, and the guard through the pipe.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let over = false;
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-8192));
  shell.stdout.on('data', keep);
  shell.stderr.on('data', keep);
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      over = true;
      resolve();
    };
    shell.on('error', end);
    shell.on('exit', end);
  });
  hold(shell, false);
  return {
    pid: shell.pid ?? -1,
    ended: () => over,
    output: () => output,
    stop: async () => {
      hold(shell, true);
      shell.stdin.destroy();
      await ended;
      hold(shell, false);
    },
  };
}

/** Whether the guard keeps this process's event loop alive. */
function hold(shell: ChildProcess, on: boolean): void {
  // The pipes of a child are sockets, which the types of ChildProcess do not say.
  const pipes = [shell.stdin, shell.stdout, shell.stderr] as unknown as { ref(): void; unref(): void }[];
  for (const handle of [shell, ...pipes])
    if (on) handle.ref();
    else handle.unref();
}

/** Undefined once it answers, otherwise why it did not. */
async function untilAnswering(started: Started, port: number): Promise<DynamoDbLocalStartError | undefined> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    if (started.ended())
      return new DynamoDbLocalStartError(
        `DynamoDB Local did not start; its last lines are below\n${started.output()}`,
      );
    // Any answer will do: to a bare GET it is "400 Bad Request".
    const answered = await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    if (answered !== undefined && !started.ended()) return undefined;
    await sleep(50);
  }
  return new DynamoDbLocalStartError(
    `DynamoDB Local did not answer within ${startSeconds} s; its last lines are below\n${started.output()}`,
  );
}
