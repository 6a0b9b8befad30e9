import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(__dirname, '..', '..');

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly ended: Promise<Ended>;
  /** Resolves when standard error says this, with what it matched; rejects when the process ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** As Ctrl-C in a terminal does it: to all processes of the group. */
  interrupt(): void;
  /**
   * Ends what it started and whose command line says this, with SIGKILL, once there is such a process. Linux only.
   */
  kill(pattern: RegExp): Promise<void>;
  /** Processes and files that are still there. Reads /proc, so processes are seen on Linux only. */
  leftovers(): string[];
  remove(): Promise<void>;
}

/** Starts the real command line, in a process group and with a temporary folder of its own. */
export function startCommandLine(...args: string[]): Promise<Started> {
  return startCommandLineIn({}, ...args);
}

/** With some environment variables set otherwise. */
export async function startCommandLineIn(
  environment: Record<string, string>,
  ...args: string[]
): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'command-line-'));
  const bin = join(root, 'node_modules', '.bin');
  const child = spawn(join(bin, 'node'), ['--import', 'tsx', 'drive/main.ts', ...args], {
    cwd: root,
    detached: true,
    // Everything it starts inherits this, and is told by it from what others started.
    env: { ...process.env, ...environment, TMPDIR: folder },
  });
  const text = { stdout: '', stderr: '' };
  let over = false;
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (status) => {
      over = true;
      resolve({ status, ...text });
    });
  });
  return {
    ended,
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(text.stderr);
        if (match !== null) return match;
        if (over) throw new Error(`it ended without saying ${pattern.source}:\n${text.stderr}`);
        await sleep(20);
      }
    },
    interrupt: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
    async kill(pattern) {
      for (;;) {
        const hit = processesWith(`TMPDIR=${folder}`).filter(({ command }) => pattern.test(command));
        for (const { pid } of hit) process.kill(pid, 'SIGKILL');
        if (hit.length > 0) return;
        if (over) throw new Error(`it ended without running ${pattern.source}:\n${text.stderr}`);
        await sleep(20);
      }
    },
    leftovers: () => [
      ...readdirSync(folder).filter((name) => name.startsWith('exactly-once')),
      ...processesWith(`TMPDIR=${folder}`).map(({ pid, command }) => `process ${pid}: ${command}`),
    ],
    remove: async () => {
      if (!over) child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function processesWith(environment: string): { pid: number; command: string }[] {
  if (!existsSync('/proc/self/environ')) return [];
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(join('/proc', pid, file), 'utf8').replaceAll('\0', ' ');
    } catch {
      return ''; // It ended meanwhile, or is somebody else's.
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && read(pid, 'environ').includes(environment))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline') }));
}
