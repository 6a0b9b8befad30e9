import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { binFolder, packageRoot } from '../package-root.js';
import { AccountError } from './account-error.js';
import { preflight, type Account } from './preflight.js';

export const stackName = 'ExactlyOnceReference';

/** What was asked for on the command line. */
export interface AccountCommand {
  /** For the SDK and for the CLI alike. */
  readonly environment: Record<string, string | undefined>;
  readonly qualifier: string;
  /** Options for the CDK CLI, as they came. */
  readonly options: readonly string[];
}

/** Reads `--profile` and the bootstrap qualifier, which both this script and the CLI must know. */
export function readCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AccountCommand {
  const options = [...args];
  const at = options.findIndex((option) => option === '--profile' || option.startsWith('--profile='));
  let profile: string | undefined;
  if (at >= 0) {
    const [option = ''] = options.splice(at, 1);
    profile = option.includes('=') ? option.slice('--profile='.length) : options.splice(at, 1)[0];
    if (!profile) throw new AccountError('--profile needs a name: give one of ~/.aws/config');
  }
  const qualifier = options
    .map((option) => /^(?:--context=|-c)?@aws-cdk\/core:bootstrapQualifier=(.+)$/.exec(option)?.[1])
    .find((name) => name !== undefined);
  return {
    environment: { ...environment, ...(profile === undefined ? {} : { AWS_PROFILE: profile }) },
    qualifier: qualifier ?? 'hnb659fds',
    options,
  };
}

/**
 * Runs the pinned CDK CLI on the terminal of this process. Resolves with its exit code.
 *
 * @throws AccountError when it cannot be started
 */
export async function cdk(
  account: Account,
  { environment }: AccountCommand,
  args: readonly string[],
): Promise<number> {
  const child = spawn(join(binFolder, 'cdk'), args, {
    cwd: packageRoot,
    env: {
      ...environment,
      PATH: [binFolder, environment['PATH'] ?? ''].join(delimiter),
      AWS_REGION: account.region,
    },
    stdio: 'inherit',
  });
  // Ctrl-C reaches the CLI by itself, which then ends; this process reports how.
  const wait = () => undefined;
  process.on('SIGINT', wait);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', (cause) => {
        reject(new AccountError(`the CDK CLI does not start: run "npm ci" first`, { cause }));
      });
      child.on('close', (code) => {
        resolve(code ?? 1);
      });
    });
  } finally {
    process.off('SIGINT', wait);
  }
}

/** What both scripts do around their own work. Exit code 2: could not run, with one sentence why. */
export async function runAccountCommand(
  work: (account: Account, command: AccountCommand) => Promise<number>,
): Promise<void> {
  try {
    const command = readCommand(process.argv.slice(2), process.env);
    if (command.environment['AWS_PROFILE'] !== undefined)
      process.env['AWS_PROFILE'] = command.environment['AWS_PROFILE'];
    process.exitCode = await work(await preflight(command.environment, command.qualifier), command);
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
