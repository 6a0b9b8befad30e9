import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { LocalTargetError } from '../local-target-error.js';
import { binFolder, packageRoot } from '../package-root.js';

/** The emulator never answered its health check. */
export class EmulatorStartError extends LocalTargetError {
  override readonly name = 'EmulatorStartError';
}

/** The emulator ended although nobody stopped it. */
export class EmulatorDiedError extends LocalTargetError {
  override readonly name = 'EmulatorDiedError';
}

export interface EmulatorProcess {
  readonly port: number;
  /** Process id of the guard (targets/embedded/guard.py) that owns the emulator. */
  readonly pid: number;
  /** The only folder that the emulator and its function processes write to. Gone after the end. */
  readonly folder: string;
  /** Settles when the emulator has ended and its folder is gone: with an error unless `stop` ended it. */
  readonly ended: Promise<EmulatorDiedError | undefined>;
  stop(): Promise<void>;
}

const startSeconds = 60;
const portTries = 3;

/**
 * Starts MiniStack with the given interpreter and waits until it answers.
 *
 * @param nextPort a port on 127.0.0.1 that nobody listens on. Another process may still take it before the
 * emulator listens: then the next one is tried, 3 in all
 * @throws EmulatorStartError with the last log lines
 */
export async function startEmulator(
  python: string,
  settings: { region: string; account: string },
  nextPort: () => Promise<number> = freePort,
): Promise<EmulatorProcess> {
  if (!existsSync(join(binFolder, 'node'))) {
    throw new EmulatorStartError(`no node in ${binFolder}: run "npm ci" (with install scripts) first`);
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await nextPort();
    // The health check answers with it: another emulator on the same port is not taken for this one.
    const identity = randomUUID();
    const emulator = await launch(python, port, {
      MINISTACK_REGION: settings.region,
      MINISTACK_ACCOUNT_ID: settings.account,
      MINISTACK_EDITION: identity,
    });
    const failure = await untilHealthy(emulator, identity);
    if (failure === undefined) return emulator;
    await emulator.stop();
    if (attempt === portTries || !failure.message.includes('already in use')) throw failure;
  }
}

async function launch(
  python: string,
  port: number,
  settings: Record<string, string>,
): Promise<EmulatorProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-emulator-'));
  const guard = spawn(python, [join(packageRoot, 'targets', 'embedded', 'guard.py'), folder], {
    // Away from the terminal's process group: Ctrl-C reaches this process, and the guard through the pipe.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    // Function processes inherit it, so nothing of the caller's environment but the PATH gets in.
    env: {
      PATH: [binFolder, process.env['PATH'] ?? ''].join(delimiter),
      HOME: folder,
      TMPDIR: folder,
      STATE_DIR: join(folder, 'state'),
      S3_DATA_DIR: join(folder, 's3'),
      GATEWAY_PORT: String(port),
      // The host that the emulator puts into queue URLs: the SDK warns in a function's log when the two differ.
      AWS_ENDPOINT_URL: `http://localhost:${port}`,
      BIND_HOST: '127.0.0.1',
      LOG_LEVEL: 'WARNING',
      PYTHONUNBUFFERED: '1',
      ...settings,
    },
  });
  let stopping = false;
  const ended = new Promise<EmulatorDiedError | undefined>((resolve) => {
    let lastLines = '';
    guard.stdout.on('data', (chunk: Buffer) => (lastLines += chunk.toString()));
    guard.on('error', (cause) => {
      resolve(new EmulatorDiedError(`the emulator's guard could not be started with ${python}`, { cause }));
    });
    guard.on('close', () => {
      resolve(stopping ? undefined : new EmulatorDiedError(diedOf(tail(lastLines))));
    });
  });
  hold(guard, false);
  return {
    port,
    pid: guard.pid ?? -1,
    folder,
    ended,
    stop: async () => {
      stopping = true;
      hold(guard, true);
      guard.stdin.destroy();
      await ended;
      // The guard removes it; this is for a guard that was itself killed.
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether the guard keeps this process's event loop alive. */
function hold(guard: ChildProcess, on: boolean): void {
  // The pipes of a child are sockets, which the types of ChildProcess do not say.
  const pipes = [guard.stdin, guard.stdout] as unknown as { ref(): void; unref(): void }[];
  for (const handle of [guard, ...pipes]) {
    if (on) handle.ref();
    else handle.unref();
  }
}

/** Undefined once the emulator answers, otherwise why it did not. */
async function untilHealthy(
  emulator: EmulatorProcess,
  identity: string,
): Promise<EmulatorStartError | undefined> {
  let death: EmulatorDiedError | undefined;
  void emulator.ended.then((error) => (death = error));
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    if (death !== undefined) {
      return new EmulatorStartError(`the emulator did not start: ${death.message}`, { cause: death });
    }
    if ((await runningEdition(emulator.port)) === identity) return undefined;
    await sleep(50);
  }
  const log = await readFile(join(emulator.folder, 'emulator.log'), 'utf8').catch(() => '');
  return new EmulatorStartError(
    `the emulator did not answer within ${startSeconds} s: its last lines are below\n${tail(log)}`,
  );
}

async function runningEdition(port: number): Promise<unknown> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/_ministack/health`, {
      signal: AbortSignal.timeout(2000),
    });
    return ((await response.json()) as { edition?: unknown }).edition;
  } catch {
    return undefined;
  }
}

function diedOf(lastLines: string): string {
  const log = lastLines === '' ? '' : `; the last lines of its log:\n${lastLines}`;
  return `the emulator ended by itself: free some memory (it needs about 1 GB with its functions) and start again${log}`;
}

function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-12).join('\n');
}
