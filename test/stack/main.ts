import { Command, CommanderError } from 'commander';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { LocalTargetError } from '../../targets/local-target-error.js';
import { packageRoot } from '../../targets/package-root.js';
import { addTargetOptions, chooseTarget, targetOptions, type TargetOptions } from '../../targets/index.js';
import type { TargetKind } from '../../targets/kind.js';
import { stackTargetVariable, suiteMessages, type StackTarget } from './stack-target.js';

/** `npm run test:stack`: the stack suite on any target. Status 0 passed, 1 failed, 2 could not run. */
async function main(): Promise<number> {
  const command = addTargetOptions(new Command('npm run test:stack --'))
    .description('Deploys the reference stack to a target, runs the tests that hold there, and deletes it.')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    command.parse(process.argv.slice(2), { from: 'user' });
    const options = targetOptions(command.opts<TargetOptions>());
    return await runSuite({ ...options, kind: await kindOf(options) });
  } catch (error) {
    // Commander has printed its own already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof LocalTargetError)) throw error;
    process.stderr.write(`could not run: ${error.message}\n`);
    return 2;
  }
}

/** Asks and checks here, where there is a terminal; the suite's own process does not ask again. */
async function kindOf(options: TargetOptions): Promise<TargetKind> {
  if (options.target === 'embedded') return 'embedded';
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const target = await chooseTarget({ ...options, messages: suiteMessages }, { log });
  return target.name as TargetKind;
}

async function runSuite(stack: StackTarget): Promise<number> {
  const chosen: StackTarget = { ...stack, yes: stack.target === 'aws' };
  const jest = [join(packageRoot, 'node_modules', 'jest', 'bin', 'jest.js'), '--verbose'];
  const child = spawn(
    process.execPath,
    [...jest, '--config', join(packageRoot, 'test', 'stack', 'jest.config.cjs')],
    {
      cwd: packageRoot,
      stdio: 'inherit',
      env: { ...process.env, [stackTargetVariable]: JSON.stringify(chosen) },
    },
  );
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 2));
  });
}

void main().then((status) => {
  process.exitCode = status;
});
