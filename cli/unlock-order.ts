import type { Command } from 'commander';
import { errorText } from '../runtime/dedup/errors.js';
import { parseJson } from '../runtime/dedup/exact-json.js';
import type { LeaseRow } from '../runtime/dedup/lease-store.js';
import { valueOfText } from '../runtime/dedup/value-text.js';
import type { UnlockOrder } from '../runtime/lease/unlock-in.js';
import { CliError } from './cli-error.js';
import { inDryRun } from './dry-run.js';
import { print, printable, printJson } from './output.js';

/** What is said of an effect whose outcome nobody knew, wherever its lease is. */
export interface UnlockOptions {
  readonly effect?: string;
  readonly row: boolean;
  readonly as: string;
  readonly result?: string;
  readonly reason: string;
  readonly dryRun: boolean;
}

/** Adds the options that say it. */
export function addUnlockOptions(command: Command, row: string): Command {
  return command
    .description(
      'Writes down what became of an effect whose outcome nobody knew. Look at the other side first: what you say is believed.',
    )
    .argument('<key>', 'key of the message')
    .option('--effect <name>', 'name that the handler gave `tx.once`')
    .option('--row', row, false)
    .requiredOption(
      '--as <outcome>',
      'done: it happened and is never made again; not-done: it is made when its message comes again',
    )
    .option('--result <json>', 'with --as done: what the handler gets as its result')
    .requiredOption('--reason <text>', 'how you found out: kept with the row');
}

/** @throws CliError when what is said makes no sense */
export function unlockOrder(
  key: string,
  consumerName: string,
  retentionSeconds: number | undefined,
  options: UnlockOptions,
): UnlockOrder {
  if (retentionSeconds === undefined)
    throw new CliError('how long outcomes are kept is not known: give --receipt-retention, or --function');
  return {
    effect: effectOf(key, consumerName, options),
    outcome: outcomeOf(options),
    reason: options.reason,
    retentionSeconds,
    dryRun: options.dryRun,
  };
}

/** Tells what was written down, or would be. @param before the row as it was */
export function printUnlocked(
  what: string,
  { outcome, dryRun = false }: UnlockOrder,
  before: LeaseRow,
  json: boolean | undefined,
): void {
  if (json === true) printJson({ id: before.id, outcome, was: before.status, because: before.reason });
  else
    print(
      `${inDryRun(dryRun)}${what} is ${outcome.kind}; it was unknown: ${printable(before.reason ?? 'no word of its owner')}`,
    );
}

function effectOf(key: string, consumerName: string, { effect, row }: UnlockOptions) {
  if (row) return { id: key };
  if (effect === undefined)
    throw new CliError('which effect is not known: give --effect, or --row with the id of a row');
  return { consumerName, effectName: effect, key };
}

function outcomeOf({ as, result }: UnlockOptions): { kind: 'done'; result: unknown } | { kind: 'not-done' } {
  if (as === 'not-done' && result === undefined) return { kind: 'not-done' };
  if (as !== 'done')
    throw new CliError(
      as === 'not-done'
        ? '--result goes with --as done: what is not done has none'
        : `--as is '${as}', must be done or not-done`,
    );
  try {
    return { kind: 'done', result: result === undefined ? undefined : resultOf(result) };
  } catch (cause) {
    throw new CliError(
      `--result is not JSON: ${errorText(cause)}; text needs quotes of its own, such as '"abc"'`,
      {
        cause,
      },
    );
  }
}

/**
 * JSON in which an integer that a double does not hold stays exact (R52), and which may say what JSON cannot as
 * stored values do: `{"$date":0}`.
 */
function resultOf(json: string): unknown {
  const exact = (_: string, value: unknown) =>
    typeof value === 'bigint' ? { $bigint: String(value) } : value;
  return valueOfText(JSON.stringify(parseJson(json), exact));
}
