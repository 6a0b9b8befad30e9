import type { Command } from 'commander';
import { unlock } from '../../runtime/lease/unlock.js';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { print, printJson } from '../output.js';
import { errorText } from '../../runtime/dedup/errors.js';
import { parseJson } from '../../runtime/dedup/exact-json.js';
import { valueOfText } from '../../runtime/dedup/value-text.js';

interface UnlockOptions extends ConsumerOptions, DryRunOption {
  readonly effect?: string;
  readonly row: boolean;
  readonly as: string;
  readonly result?: string;
  readonly reason: string;
}

/** Adds `unlock`. */
export function addUnlock(program: Command): void {
  addDryRun(addConsumerOptions(program.command('unlock')))
    .description(
      'Writes down what became of an effect whose outcome nobody knew. Look at the other side first: what you say is believed.',
    )
    .argument('<key>', 'key of the message')
    .option('--effect <name>', 'name that the handler gave `tx.once`')
    .option('--row', '<key> is the id of a row, such as a Powertools key', false)
    .requiredOption(
      '--as <outcome>',
      'done: it happened and is never made again; not-done: it is made when its message comes again',
    )
    .option('--result <json>', 'with --as done: what the handler gets as its result')
    .requiredOption('--reason <text>', 'how you found out: kept with the row')
    .addHelpText(
      'after',
      '\nSend the message again afterwards: see redrive.\nExit codes: 0 written down; 2 could not run.',
    )
    .action(async (key: string, options: UnlockOptions) => {
      using connection = await Connection.open(options, { compare: !options.row });
      await run(connection, key, options);
    });
}

async function run(connection: Connection, key: string, options: UnlockOptions): Promise<void> {
  const { dynamodb: client, consumerName, receiptTable: tableName, receiptRetentionSeconds } = connection;
  if (receiptRetentionSeconds === undefined)
    throw new CliError('how long outcomes are kept is not known: give --receipt-retention, or --function');
  const outcome = outcomeOf(options);
  const before = await unlock(
    { client, tableName },
    {
      effect: effectOf(key, consumerName, options),
      outcome,
      reason: options.reason,
      retentionSeconds: receiptRetentionSeconds,
      dryRun: options.dryRun,
    },
  );
  if (options.json) printJson({ id: before.id, outcome, was: before.status, because: before.reason });
  else
    print(
      `${inDryRun(options.dryRun)}'${key}' of '${consumerName}' is ${outcome.kind}; it was unknown: ${before.reason ?? 'no word of its owner'}`,
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
