import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { postgresBinaries, type PostgresBinaries } from './binaries.js';
import { PostgresStartError } from './errors.js';

export * from './errors.js';
export { postgresVersions } from './versions.js';

export interface PostgresOptions extends PostgresBinaries {
  /**
   * Server settings beyond the own ones, such as `{ max_connections: 20, log_statement: 'all' }`.
   *
   * @default - none
   */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface LocalPostgres {
  readonly host: string;
  readonly port: number;
  /** Connection string of the superuser, to the database `postgres` or the named one. */
  url(database?: string): string;
  /** What the server has logged so far. */
  log(): Promise<string>;
  /** Process id of the guard, whose child is the server. */
  readonly pid: number;
  /** Ends it; all databases are gone with it. May be called more than once. */
  stop(): Promise<void>;
}

const startSeconds = 60;
const portTries = 3;
const host = '127.0.0.1';
const user = 'postgres';
/** `nobody` on Linux and on macOS, as an unsigned number: Postgres refuses to run as root. */
const nobody = 65_534;

/**
 * What is asked of a server for tests: every change can be decoded, nothing waits for a disk, and nothing listens
 * but the loopback interface.
 */
const ownSettings = {
  listen_addresses: host,
  unix_socket_directories: '',
  wal_level: 'logical',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '32MB',
  max_connections: 100,
  log_min_messages: 'log',
};

/**
 * Makes the cluster, runs the server, and ends it and removes its folder when standard input closes, which happens
 * however the starting process ends (kill -9 included). The copy of the descriptor is needed because a shell gives
 * what it puts into the background an empty standard input. QUIT ends a server with all its sessions at once.
 */
const guard = [
  'exec 3<&0; folder=$1; bin=$2; shift 2; cd "$folder"',
  '"$bin/initdb" -D data -U postgres -A trust -E UTF8 --no-locale --no-sync >log 2>&1 &&',
  '{ "$bin/postgres" -D data "$@" >>log 2>&1 & pid=$!; (cat <&3 >/dev/null; kill -QUIT $pid) & wait $pid; }',
  // A server that ended by itself leaves its log to be read until the starting process has gone or stops it.
  'cat <&3 >/dev/null; cd /; rm -rf "$folder"',
].join('\n');

/**
 * Starts a real Postgres on a free port of 127.0.0.1 in a temporary folder, with `wal_level=logical` and without
 * fsync, and waits until it answers (1 to 3 s). Started by root it runs as `nobody`, else as who starts it.
 *
 * Nothing stays behind however this process ends, kill -9 included. It does not keep this process alive. Whoever
 * can reach the loopback interface can connect without a password: it is for tests.
 *
 * @throws PostgresMissingError when its programs are not installed and cannot be fetched
 * @throws PostgresStartError with its last lines when it does not answer within 60 s
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<LocalPostgres> {
  const bin = await postgresBinaries(options);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const started = await launch(bin, { ...ownSettings, ...options.settings, port });
    const failure = await untilReady(started);
    if (failure === undefined)
      return {
        host,
        port,
        url: (database = 'postgres') => `postgres://${user}@${host}:${port}/${encodeURIComponent(database)}`,
        log: started.log,
        pid: started.pid,
        stop: started.stop,
      };
    await started.stop();
    // Another process took the port in between.
    if (attempt === portTries || !failure.message.includes('could not bind')) throw failure;
  }
}

interface Started {
  readonly pid: number;
  readonly ended: () => boolean;
  readonly log: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

async function launch(bin: string, settings: Record<string, string | number>): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-postgres-'));
  const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if (asNobody.uid !== undefined) chownSync(folder, asNobody.uid, asNobody.gid);
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const shell = spawn('sh', ['-c', guard, 'sh', folder, bin, ...given], {
    ...asNobody,
    // Away from the terminal's process group: Ctrl-C reaches this process, and the guard through the pipe.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', HOME: folder },
  });
  let over = false;
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
    log: async () => readFile(join(folder, 'log'), 'utf8').catch(() => ''),
    stop: async () => {
      hold(shell, true);
      shell.stdin.destroy();
      await ended;
      // The guard removes it; this is for a guard that was itself killed.
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether the guard keeps this process's event loop alive. */
function hold(shell: ChildProcess, on: boolean): void {
  // The pipe of a child is a socket, which the types of ChildProcess do not say.
  const pipe = shell.stdin as unknown as { ref(): void; unref(): void };
  for (const handle of [shell, pipe])
    if (on) handle.ref();
    else handle.unref();
}

/** Undefined once it takes connections, otherwise why it does not. */
async function untilReady(started: Started): Promise<PostgresStartError | undefined> {
  const deadline = Date.now() + startSeconds * 1000;
  const failed = async (what: string) =>
    new PostgresStartError(`${what}; its last lines are below\n${(await started.log()).slice(-4096)}`);
  while (Date.now() < deadline) {
    const log = await started.log();
    if (log.includes('ready to accept connections')) return undefined;
    if (started.ended() || /FATAL|initdb: error/.test(log)) return failed('Postgres did not start');
    await sleep(20);
  }
  return failed(`Postgres did not answer within ${startSeconds} s`);
}
