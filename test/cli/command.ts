import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runCommandLine } from '../../cli/run.js';
import { packageRoot } from '../../targets/package-root.js';
import { embedded } from '../fixtures/embedded.js';

export interface Ended {
  /** Null when it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the AWS SDK finds the run's emulator. */
function environment(): Record<string, string | undefined> {
  const { region, endpoint, credentials } = embedded().client;
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

/** The command line in a process of its own. */
export function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', join('cli', 'main.ts'), ...args], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, ...environment() },
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr]) => ({ status: child.exitCode, stdout, stderr }),
  );
  return { child, ended };
}

/** The command line in this process, which is a second faster. One at a time. */
export async function run(...args: string[]): Promise<Ended> {
  const before = { ...process.env };
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += String(chunk);
      return true;
    }),
  );
  Object.assign(process.env, environment());
  process.exitCode = 0;
  try {
    await runCommandLine(args);
    return { status: process.exitCode, ...written };
  } finally {
    process.exitCode = 0;
    process.env = before;
    for (const spy of spies) spy.mockRestore();
  }
}
