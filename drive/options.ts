import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { UsageError } from './drive-error.js';
import { purchaseCount } from './purchases.js';

export type FaultSet = 'none' | 'all';

export interface RunOptions {
  /** How many purchases, from the first on. */
  readonly messages: number;
  readonly seed: number;
  readonly faults: FaultSet;
  readonly json: boolean;
  readonly keep: boolean;
  readonly unprotected: boolean;
}

/**
 * Reads the command line. Returns undefined when help was asked for and printed.
 *
 * @throws UsageError in one sentence
 */
export function parseOptions(args: readonly string[], print: (text: string) => void): RunOptions | undefined {
  const command = new Command('npm start --')
    .description(
      'Deploys the reference stack to a local emulator, sends real purchases through it with faults, and counts every effect.',
    )
    .addOption(
      new Option('--messages <n|all>', `purchases to send, at most ${purchaseCount}`)
        .default(1000)
        .argParser(messages),
    )
    .addOption(new Option('--seed <n>', 'decides which faults happen').default(1).argParser(seed))
    .addOption(
      new Option('--faults <set>', 'lost requests and answers, duplicates on the queue')
        .choices(['none', 'all'])
        .default('all'),
    )
    .option('--json', 'print one JSON object and nothing else', false)
    .option('--keep', 'leave the target running until Ctrl-C', false)
    .option('--unprotected', 'the same traffic without deduplication: the audit must count doubles', false)
    .addHelpText('after', '\nStatus: 0 exactly once, 1 violated, 2 could not run.')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const problem = error.message
      .replace(/^error: /, '')
      .replace(/\n/g, ' ')
      .replace(/\.$/, '');
    throw new UsageError(`${problem}: see npm start -- --help`, { cause: error });
  }
  return command.opts<RunOptions>();
}

function messages(value: string): number {
  if (value === 'all') return purchaseCount;
  const count = wholeNumber(value);
  if (count === undefined || count < 1 || count > purchaseCount)
    throw new InvalidArgumentError(`Allowed are 1 to ${purchaseCount}, or all.`);
  return count;
}

function seed(value: string): number {
  const number = wholeNumber(value);
  if (number === undefined) throw new InvalidArgumentError('Allowed are whole numbers from 0 on.');
  return number;
}

function wholeNumber(value: string): number | undefined {
  const number = Number(value);
  return /^\d+$/.test(value) && Number.isSafeInteger(number) ? number : undefined;
}
