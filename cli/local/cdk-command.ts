import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../cli-error.js';

/**
 * The CDK CLI that the project has installed: `node_modules/.bin/cdk` of the folder or of one above it.
 *
 * @throws CliError with the line to type
 */
export function cdkOf(project: string): string {
  for (let folder = project; ; folder = dirname(folder)) {
    const program = join(folder, 'node_modules', '.bin', 'cdk');
    if (existsSync(program)) return program;
    if (dirname(folder) === folder)
      throw new CliError(`the CDK CLI is not installed in ${project}: npm install --save-dev aws-cdk`);
  }
}

/**
 * Runs it, with its output on this terminal: on standard error, for results of ours go to standard output.
 *
 * @throws CliError when it fails
 */
export async function runCdk(
  program: string,
  args: readonly string[],
  { cwd, environment }: { readonly cwd: string; readonly environment: Record<string, string | undefined> },
): Promise<void> {
  const child = spawn(program, [...args, '--no-notices'], {
    cwd,
    env: { ...process.env, ...environment, CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: ['inherit', process.stderr, process.stderr],
  });
  // Ctrl-C reaches the CLI by itself, which then ends; this process says how.
  const wait = () => undefined;
  process.on('SIGINT', wait);
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    if (code !== 0) throw new CliError(`cdk ${args[0] ?? ''} failed (${code}): its output above says why`);
  } finally {
    process.off('SIGINT', wait);
  }
}
