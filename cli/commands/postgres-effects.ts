import type { Command } from 'commander';
import { listPostgresBlocked, unlockPostgres } from '../../runtime/postgres/index.js';
import { CliError } from '../cli-error.js';
import { addDryRun } from '../dry-run.js';
import { durationSeconds } from '../duration.js';
import { exitWith, print, printJson, tableText } from '../output.js';
import { addUrl, withTables, type DatabaseOptions } from '../postgres/database.js';
import { addUnlockOptions, printUnlocked, unlockOrder, type UnlockOptions } from '../unlock-order.js';

/** Adds `postgres blocked`. */
export function addPostgresBlocked(postgres: Command): void {
  addUrl(postgres.command('blocked'))
    .description(
      'Lists effects outside the database whose outcome nobody knows, oldest first: see postgres unlock.',
    )
    .requiredOption('--consumer <name>', 'consumerName of the consumer, the API or the jobs')
    .addHelpText('after', '\nExit codes: 0 none, 1 some, 2 could not run.')
    .action(async ({ url, json, consumer }: DatabaseOptions & { readonly consumer: string }) =>
      withTables(url, async (pool) => {
        const effects = await listPostgresBlocked(pool, consumer);
        if (json) printJson(effects);
        else if (effects.length === 0) print(`no effect of '${consumer}' is blocked`);
        else print(tableText(effects.map(({ since, id, reason }) => ({ since, row: id, reason }))));
        exitWith(effects.length === 0 ? 0 : 1);
      }),
    );
}

interface PostgresUnlockOptions extends DatabaseOptions, UnlockOptions {
  readonly consumer?: string;
  readonly receiptRetention: number;
}

/** Adds `postgres unlock`. */
export function addPostgresUnlock(postgres: Command): void {
  addUnlockOptions(
    addDryRun(addUrl(postgres.command('unlock'))),
    '<key> is the id of a lease, as postgres blocked lists it',
  )
    .option('--consumer <name>', 'consumerName of the consumer: needed without --row')
    .requiredOption(
      '--receipt-retention <duration>',
      'how long the outcome is kept, such as 86d: as long as a message of it can come',
      durationSeconds,
    )
    .addHelpText(
      'after',
      '\nSend the message again afterwards: see redrive.\nExit codes: 0 written down; 2 could not run.',
    )
    .action(async (key: string, options: PostgresUnlockOptions) =>
      withTables(options.url, async (pool) => {
        const { consumer, row, receiptRetention, json } = options;
        if (!row && consumer === undefined)
          throw new CliError(
            'whose effect it is is not known: give --consumer, or --row with the id of a lease',
          );
        const order = unlockOrder(key, consumer ?? '', receiptRetention, options);
        const before = await unlockPostgres(pool, order);
        printUnlocked(`'${key}'${consumer === undefined ? '' : ` of '${consumer}'`}`, order, before, json);
      }),
    );
}
