import { spawn, type ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalTargetError } from '../local-target-error.js';
import { makeStateFolder, readState, stateFolder, type LocalState } from './state.js';

/** The process that holds emulator and runner ended before they were ready. */
export class LocalStartError extends LocalTargetError {
  override readonly name = 'LocalStartError';
}

/** What the process says to the one that started it, until it is ready. */
export type HolderMessage =
  { readonly line: string } | { readonly failed: string } | { readonly ready: true };

/**
 * Starts emulator and runner of a project in a process of their own, which outlives this one. Aborted, it ends that
 * process, and nothing stays.
 *
 * @param command what runs `holdLocal` and sends `HolderMessage`s
 * @param log what it does until it is ready, such as the first installation
 * @throws LocalStartError with its reason
 */
export async function startLocal(
  project: string,
  command: readonly [string, ...string[]],
  { log, signal }: { readonly log: (line: string) => void; readonly signal: AbortSignal },
): Promise<LocalState> {
  await makeStateFolder(project);
  const logFile = await open(logPath(project), 'a', 0o600);
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: project,
    // Away from the terminal, whose Ctrl-C is not for it.
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd, 'ipc'],
  });
  await logFile.close();
  const interrupt = () => child.kill('SIGTERM');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await ready(child, log, project);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
  child.disconnect();
  child.unref();
  const state = await readState(project);
  if (state === undefined)
    throw new LocalStartError(`it ended as soon as it was ready: see ${logPath(project)}`);
  return state;
}

/** What the process writes: invocations, errors. */
export function logPath(project: string): string {
  return join(stateFolder(project), 'local.log');
}

function ready(child: ChildProcess, log: (line: string) => void, project: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new LocalStartError(reason));
    child.on('message', (message: HolderMessage) => {
      if ('line' in message) log(message.line);
      else if ('failed' in message) fail(message.failed);
      else resolve();
    });
    child.on('error', (cause) => fail(cause.message));
    child.on('exit', (code, signal) =>
      fail(
        `the local target ended before it was ready (${signal ?? `exit code ${code}`}): see ${logPath(project)}`,
      ),
    );
  });
}
