import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import { packageRoot } from '../targets/package-root.js';
import { addTargetOptions, targetOptions, type TargetOptions } from '../targets/options.js';
import { UsageError } from './drive-error.js';
import { purchaseCount } from './input/purchases.js';

/** `throttle` is not among those of `all`: it adds a path of its own to the stack. */
export const faultKinds = ['requests', 'answers', 'duplicates', 'kill', 'throttle'] as const;
export type FaultKind = (typeof faultKinds)[number];
const allKinds = faultKinds.filter((kind) => kind !== 'throttle');

export interface RunOptions extends TargetOptions {
  /** How many purchases, from the first on. Infinity: all of `input`. */
  readonly messages: number;
  /** Payments of the caller's own instead of the purchases in drive/data/. */
  readonly input?: string;
  readonly onBadLine: 'skip' | 'fail';
  readonly seed: number;
  readonly faults: ReadonlySet<FaultKind>;
  readonly json: boolean;
  readonly keep: boolean;
  /** Shows the run on a page of this machine while it goes on. */
  readonly ui: boolean;
  /** Folder for the HTML page of the run. */
  readonly report: string;
  readonly unprotected: boolean;
  /** The default: few purchases, and beside the settlement one without receipts. */
  readonly sideBySide: boolean;
}

/** Purchases of a run side by side: it is over within two minutes. */
const fewPurchases = 100;

/**
 * Reads the command line. Returns undefined when help was asked for and printed.
 *
 * @throws UsageError in one sentence
 */
export function parseOptions(args: readonly string[], print: (text: string) => void): RunOptions | undefined {
  const command = addTargetOptions(new Command('npm start --'))
    .description(
      'Deploys the reference stack to a target (a local emulator unless told otherwise), sends real purchases through it with faults, and counts every effect.',
    )
    .addOption(
      new Option(
        '--messages <n|all>',
        `purchases to send, at most ${purchaseCount} unless with --input, through all paths of the stack (default: ${fewPurchases} with and without protection side by side; with --input all, with --unprotected 1000)`,
      ).argParser(messages),
    )
    .option(
      '--input <file>',
      'payments of your own, JSON lines or CSV: id, customer, purchasedOn, cents or amount',
    )
    .addOption(
      new Option(
        '--on-bad-line <what>',
        'a line of --input that is no payment: leave it out, or send nothing',
      )
        .choices(['skip', 'fail'])
        .default('fail'),
    )
    .addOption(new Option('--seed <n>', 'decides which faults happen').default(1).argParser(seed))
    .addOption(
      new Option(
        '--faults <list>',
        `none, all, or some of ${faultKinds.join(',')}: requests and answers lost on their way, duplicates put on the queues, functions killed, a FIFO queue that throttles and is spilled to Standard (an emulator only, not part of all)`,
      )
        .default(new Set(allKinds), 'all')
        .argParser(faults),
    )
    .option('--json', 'print one JSON object and nothing else', false)
    .option(
      '--report <folder>',
      'where the HTML page of the run is written',
      join(packageRoot, '.local', 'report'),
    )
    .option(
      '--ui',
      'show the run live on a page of this machine, with webhooks of it: the link is printed; with --keep it stays',
      false,
    )
    .option('--keep', 'leave the target running until Ctrl-C', false)
    .option('--unprotected', 'the same traffic without deduplication: the audit must count doubles', false)
    .addHelpText(
      'after',
      `
A file for --input, either CSV or one object per line (docs/drive.md):
  id,customer,purchasedOn,amount
  order-1,c-17,2026-01-31,12.34
or
  {"id":"order-1","customer":"c-17","purchasedOn":"2026-01-31","cents":1234}

Status: 0 exactly once, 1 violated, 2 could not run.`,
    )
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
  const given = command.opts<Omit<RunOptions, 'messages' | 'sideBySide'> & { messages?: number }>();
  const { input } = given;
  const throttle = given.faults.has('throttle');
  const sideBySide = given.messages === undefined && input === undefined && !given.unprotected && !throttle;
  const few = sideBySide || throttle ? fewPurchases : 1000;
  const { messages: asked = input === undefined ? few : Infinity } = given;
  if (input === undefined && asked > purchaseCount && asked !== Infinity)
    throw new UsageError(
      `--messages is ${asked} but there are ${purchaseCount} purchases, allowed are 1 to ${purchaseCount}, or all: see npm start -- --help`,
    );
  return {
    ...given,
    ...targetOptions(given),
    sideBySide,
    messages: input === undefined ? Math.min(asked, purchaseCount) : asked,
  };
}

function messages(value: string): number {
  if (value === 'all') return Infinity;
  const count = wholeNumber(value);
  if (count === undefined || count < 1)
    throw new InvalidArgumentError(`Allowed are 1 to ${purchaseCount}, or all.`);
  return count;
}

function seed(value: string): number {
  const number = wholeNumber(value);
  if (number === undefined) throw new InvalidArgumentError('Allowed are whole numbers from 0 on.');
  return number;
}

function faults(value: string): ReadonlySet<FaultKind> {
  if (value === 'all') return new Set(allKinds);
  if (value === 'none') return new Set();
  const named = value.split(',').map((name) => faultKinds.find((kind) => kind === name));
  const known = named.filter((kind) => kind !== undefined);
  if (known.length < named.length)
    throw new InvalidArgumentError(`Allowed are none, all, or a list of ${faultKinds.join(',')}.`);
  return new Set(known);
}

function wholeNumber(value: string): number | undefined {
  const number = Number(value);
  return /^\d+$/.test(value) && Number.isSafeInteger(number) ? number : undefined;
}
