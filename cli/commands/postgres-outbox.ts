import type { Command } from 'commander';
import {
  listStuckPostgres,
  resendPostgresEvents,
  skipPostgresEvent,
} from '../../runtime/postgres/outbox/index.js';
import { CliError } from '../cli-error.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { ageText } from '../duration.js';
import { moment } from '../moment.js';
import { exitWith, print, printJson, tableText } from '../output.js';
import { addUrl, withTables, type DatabaseOptions } from '../postgres/database.js';

interface ResendOptions extends DatabaseOptions, DryRunOption {
  readonly since?: number;
  readonly stream?: string;
  readonly all: boolean;
}

interface SkipOptions extends DatabaseOptions, DryRunOption {
  readonly stream: string;
  readonly target?: string;
}

/** Adds `postgres outbox` with `list`, `resend` and `skip`. */
export function addPostgresOutbox(postgres: Command): void {
  const outbox = postgres
    .command('outbox')
    .description('Looks into the outbox of a database, and has its relays send again.');
  addUrl(outbox.command('list'))
    .description('Lists the streams that do not go on by themselves, and those that are sent again.')
    .addHelpText('after', '\nExit codes: 0 none, 1 some, 2 could not run.')
    .action(async ({ url, json }: DatabaseOptions) => withTables(url, async (pool) => list(pool, json)));
  addDryRun(addUrl(outbox.command('resend')))
    .description(
      'Sends events again that the outbox still has, each stream in order: for a late consumer, or after a restore.',
    )
    .option('--since <time>', 'what was published since then: an ISO 8601 time, or 90m, 3d ago', moment)
    .option('--stream <stream>', 'only this one: its number, as outbox list --json prints it')
    .option('--all', 'everything that is kept', false)
    .addHelpText(
      'after',
      '\nThe relays do the sending.\nExit codes: 0 it is sent again (with --dry-run: would be), 1 nothing was found, 2 could not run.',
    )
    .action(async (options: ResendOptions) => withTables(options.url, async (pool) => resend(pool, options)));
  addDryRun(addUrl(outbox.command('skip')))
    .description('Passes over the event at which a stream is stuck, for targets that can never take it.')
    .requiredOption('--stream <stream>', 'its number, as outbox list --json prints it')
    .option('--target <name>', 'only for this target (default: all that stand there)')
    .addHelpText('after', '\nExit codes: 0 passed over; 2 could not run.')
    .action(async (options: SkipOptions) => withTables(options.url, async (pool) => skip(pool, options)));
}

type Pool = Parameters<typeof listStuckPostgres>[0];

async function list(pool: Pool, json: true | undefined): Promise<void> {
  const streams = await listStuckPostgres(pool);
  if (streams.length > 0) exitWith(1);
  if (json) printJson({ streams });
  else
    print(
      streams.length === 0
        ? 'no stream is stuck'
        : tableText(
            streams.map((one) => ({
              STREAM: one.stream,
              AGGREGATE: `${one.kind}/${one.aggregate}`,
              TARGET: one.target,
              NEXT: one.version,
              FOR: ageText(one.since),
              ATTEMPTS: one.attempts,
              ERROR: one.error ?? '',
            })),
          ),
    );
}

async function resend(pool: Pool, { since, stream, all, dryRun, json }: ResendOptions): Promise<void> {
  if (since === undefined && stream === undefined && !all)
    throw new CliError('what is to be sent again is not said: give --since, --stream or --all');
  expectNumber(stream);
  const resent = await resendPostgresEvents(pool, {
    ...{ stream, dryRun },
    ...(since !== undefined && { since: new Date(since) }),
  });
  if (resent.streams === 0) exitWith(1);
  if (json) printJson({ dryRun, ...resent });
  else print(`${inDryRun(dryRun)}${resent.events} events of ${resent.streams} streams are sent again`);
}

async function skip(pool: Pool, { stream, target, dryRun, json }: SkipOptions): Promise<void> {
  expectNumber(stream);
  const skipped = await skipPostgresEvent(pool, { stream, target, dryRun });
  if (skipped === undefined)
    throw new CliError(
      `stream ${stream} is not stuck${target === undefined ? '' : ` at '${target}'`}: see postgres outbox list`,
    );
  if (json) printJson({ dryRun, stream, ...skipped });
  else
    print(
      `${inDryRun(dryRun)}version ${skipped.version} of stream ${stream} is passed over for ${skipped.targets.join(', ')}`,
    );
}

function expectNumber(stream: string | undefined): void {
  if (stream !== undefined && !/^[0-9]{1,18}$/.test(stream))
    throw new CliError(`--stream is '${stream}', must be a number: postgres outbox list prints it`);
}
