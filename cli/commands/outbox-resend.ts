import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { addDryRun, type DryRunOption } from '../dry-run.js';
import { moment } from '../moment.js';
import { addOutboxOptions, OutboxConnection, type OutboxOptions } from '../outbox-connection.js';
import { exitWith, print, printJson, progressLine } from '../output.js';
import { resendText } from '../resend-text.js';
import { resendStreams } from '../resend-streams.js';

interface ResendOptions extends OutboxOptions, DryRunOption {
  readonly since?: number;
  readonly stream?: string;
  readonly all: boolean;
  readonly target?: string;
  readonly reason: string;
}

/** Adds `outbox resend`. */
export function addOutboxResend(parent: Command): void {
  addDryRun(addOutboxOptions(parent.command('resend')))
    .description(
      'Sends events again that the outbox still has, each stream in order: for a late consumer, after a restore, after a widened filter.',
    )
    .option(
      '--since <time>',
      'what was committed or sent since then: an ISO 8601 time, or 90m, 3d ago',
      moment,
    )
    .option('--stream <stream>', 'only this one, as outbox list --json prints it')
    .option('--all', 'everything that is kept', false)
    .option('--target <name>', 'only to this target of the relay: its name, ARN or URL; needs --function')
    .option('--reason <text>', 'why: shown in the list of streams', 'somebody asked to have it sent again')
    .addHelpText(
      'after',
      '\nThe sweep does the sending, once a minute.\nExit codes: 0 everything of that time is sent again (with --dry-run: would be), 1 nothing was found or some of it is past the retention, 2 could not run.',
    )
    .action(async (options: ResendOptions) => {
      if (options.since === undefined && options.stream === undefined && !options.all)
        throw new CliError('what is to be sent again is not said: give --since, --stream or --all');
      using connection = await OutboxConnection.open(options);
      await run(connection, options);
    });
}

async function run(connection: OutboxConnection, options: ResendOptions): Promise<void> {
  const { since = 0, stream, reason, dryRun } = options;
  const target = options.target === undefined ? undefined : connection.target(options.target);
  const progress = progressLine();
  const report = await resendStreams(connection.access, {
    ...{ since, stream, target, reason, dryRun, retentionSeconds: connection.retentionSeconds },
    onProgress: ({ streams, events }) => progress.now(`${streams} streams, ${events} events`),
  }).finally(() => progress.end());
  if (stream !== undefined && report.streams + report.nothing === 0)
    throw new CliError(
      `the outbox '${connection.table}' has no stream ${stream}: give it as outbox list --json prints it, in quotes`,
    );
  if (report.streams === 0 || report.cut.length > 0) exitWith(1);
  if (options.json) printJson({ outbox: connection.table, target, ...report });
  else print(resendText(report));
}
