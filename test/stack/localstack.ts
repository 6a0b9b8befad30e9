import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { binFolder, packageRoot } from '../../targets/package-root.js';

/**
 * `npm run test:localstack`: installs LocalStack's free edition below `.local/` if it is not there, starts it, runs
 * the stack suite against it and ends it. What is given behind `--` is the suite's, such as
 * `--own-mappings`. By hand: it needs Python 3.13, a C compiler, a JDK and Maven.
 */
const root = join(packageRoot, '.local', 'localstack');
const port = 4596;
const endpoint = `http://127.0.0.1:${port}`;
const startMs = 90_000;

async function main(): Promise<number> {
  if (!existsSync(join(root, 'run.sh'))) {
    const installed = await finished(
      spawn('bash', [join(packageRoot, 'targets', 'localstack', 'install.sh'), root], { stdio: 'inherit' }),
    );
    if (installed !== 0) return 2;
  }
  const emulator = spawn(join(root, 'run.sh'), [String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_BIN: binFolder },
    // It starts others: all of them end with its group.
    detached: true,
  });
  try {
    await ready(emulator);
    const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
    const suite = [
      '--import',
      'tsx',
      join(__dirname, 'main.ts'),
      '--target',
      'endpoint',
      '--endpoint',
      endpoint,
      ...process.argv.slice(2),
    ];
    return await finished(
      spawn(process.execPath, suite, {
        cwd: packageRoot,
        stdio: 'inherit',
        env: { ...process.env, ...keys },
      }),
    );
  } finally {
    if (emulator.pid !== undefined && emulator.exitCode === null) process.kill(-emulator.pid, 'SIGTERM');
  }
}

async function ready(emulator: ChildProcess): Promise<void> {
  const until = Date.now() + startMs;
  while (Date.now() < until) {
    if (emulator.exitCode !== null)
      throw new Error(
        `LocalStack ended with status ${emulator.exitCode} before it answered: see its lines above`,
      );
    const answer = await fetch(`${endpoint}/_localstack/health`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(500);
  }
  throw new Error(
    `LocalStack did not answer at ${endpoint} within ${startMs / 1000} s: start ${root}/run.sh by hand`,
  );
}

async function finished(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 2;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);
