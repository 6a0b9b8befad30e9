import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Writable } from 'node:stream';
import { packageRoot } from '../targets/package-root.js';

/** A program of the lambdas' in a process of its own. The driver shares no code with it: lines go between. */
export interface LineProcess {
  /** Takes lines. */
  readonly stdin: Writable;
  /** What it says. */
  readonly lines: Interface;
  /** The end of what it complained of. */
  complaint(): string;
  /** Called when it ends, also when it is stopped. */
  onExit(listener: () => void): void;
  /** Kills it, and resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * @param program path of its file, below `lambdas`
 * @param environment all that it has beside the path
 */
export function startLineProcess(
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
): LineProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', join(packageRoot, 'lambdas', ...program)], {
    cwd: packageRoot,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${String(chunk)}`.slice(-2_000)));
  return {
    stdin: child.stdin,
    lines: createInterface({ input: child.stdout }),
    complaint: () => complaint.trim(),
    onExit: (listener) => child.on('exit', listener),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
