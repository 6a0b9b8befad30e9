import { CommanderError, InvalidArgumentError } from 'commander';
import { errorText, ExactlyOnceError } from '../runtime/dedup/errors.js';
import { warn } from './output.js';
import { cliProgram } from './program.js';

/**
 * Runs one command line. Never throws: what goes wrong is a sentence on standard error, and how it ended is the exit
 * code of the process: 0 done, 1 something was refused, is left or stands still, 2 could not run.
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await cliProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // What an action throws of the kind that parsers of options throw, nobody has printed.
    if (error instanceof CommanderError && !(error instanceof InvalidArgumentError)) {
      // It has printed by itself: the help that was asked for, or what is wrong with the command line.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    warn(`could not run: ${sentence(error)}`);
    process.exitCode = 2;
  }
}

/** What to change, where the SDK's own words do not say it. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/Region is missing/, 'give --region, or set AWS_REGION'],
  [/CredentialsProviderError/, 'sign in, or set AWS_PROFILE'],
  [/ResourceNotFoundException/, 'check the name of the table and --region'],
  [/ECONNREFUSED/, 'check --endpoint'],
  [/QueueDoesNotExist|NonExistentQueue/, 'check --queue, --dead-letter-queue and --region'],
  [/AccessDenied|UnauthorizedOperation/, 'docs/cli.md lists the permissions that each command needs'],
];

function sentence(error: unknown): string {
  const text = (error instanceof ExactlyOnceError ? error.message : errorText(named(error)))
    .replace(/\s+/g, ' ')
    .trim();
  const [, hint] = hints.find(([pattern]) => pattern.test(text)) ?? [];
  return hint === undefined ? text : `${text}: ${hint}`;
}

/** The SDK leaves the message of a refused connection empty. */
function named(error: unknown): unknown {
  if (!(error instanceof Error) || error.message !== '') return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'no message';
  return Object.assign(new Error(code), { name: error.name });
}
