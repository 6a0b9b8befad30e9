import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binFolder } from '../../targets/package-root.js';
import { embedded } from '../fixtures/embedded.js';
import { stagePackage, type StagedPackage, type StageOptions } from './staged-package.js';

const run = promisify(execFile);
const target = embedded();

/** The plain CDK CLI. */
function cdk(cwd: string, ...args: string[]) {
  return run(join(binFolder, 'cdk'), [...args, '--no-notices'], {
    cwd,
    env: { ...process.env, ...target.environment, CI: 'true', NO_COLOR: '1' },
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** The package from its tarball, in a project that `prepare` completes, and an account that can be deployed to. */
export async function stagedWhere(
  prepare: (staged: StagedPackage) => Promise<void>,
  options: StageOptions = {},
): Promise<StagedPackage> {
  // In a folder without an app: the CLI would synthesize it first. Both are awaited even if one fails.
  const [staged, bootstrapped] = await Promise.allSettled([
    stagePackage(options).then(async (one) => {
      await prepare(one);
      return one;
    }),
    cdk(tmpdir(), 'bootstrap', `aws://${target.account}/${target.region}`),
  ]);
  if (staged.status === 'rejected') throw staged.reason;
  if (bootstrapped.status === 'rejected') throw bootstrapped.reason;
  return staged.value;
}

/** What `cdk init` would have brought to an app that this command synthesizes. */
export async function writeProject(folder: string, app: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "name": "own-app", "private": true }');
  // CDK looks for it to find the root of a project.
  await writeFile(join(folder, 'package-lock.json'), '{ "lockfileVersion": 3 }');
  await writeFile(join(folder, 'cdk.json'), JSON.stringify({ app }));
}

/** Deploys a stack of the project, with those it depends on, and returns its outputs. */
export async function deployed(folder: string, stack: string): Promise<Record<string, string>> {
  return (await deployedAll(folder, stack))[stack] ?? {};
}

/** Deploys stacks of the project, side by side, and returns the outputs of each. */
export async function deployedAll(
  folder: string,
  ...stacks: readonly string[]
): Promise<Record<string, Record<string, string>>> {
  const file = join(folder, 'outputs.json');
  const options = ['--require-approval', 'never', '--concurrency', '4', '--outputs-file', file];
  await cdk(folder, 'deploy', ...stacks, ...options);
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string>>;
}
