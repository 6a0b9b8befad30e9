import type { Command } from 'commander';
import { beginEpoch, type BegunEpoch } from '../../runtime/outbox/epoch.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { moment } from '../moment.js';
import { addOutboxOptions, OutboxConnection, type OutboxOptions } from '../outbox-connection.js';
import { exitWith, print, printJson, progressLine } from '../output.js';
import { resendStreams, type ResendReport } from '../resend-streams.js';
import { resendText } from '../resend-text.js';

interface RestoreOptions extends OutboxOptions, DryRunOption {
  readonly newEpoch: string;
  readonly sources?: readonly string[];
  readonly since?: number;
}

/** Adds `restore`. */
export function addRestore(program: Command): void {
  addDryRun(addOutboxOptions(program.command('restore')))
    .description(
      'After tables were restored from a backup, and before anything publishes: begins the counts of all events anew, and has sent again what may have been lost with the consumers. See docs/runbook/restore.md.',
    )
    .requiredOption(
      '--new-epoch <epoch>',
      'one that was never used: deploy the publishers with it afterwards',
    )
    .option(
      '--sources <names...>',
      'sources that must be in the outbox: said when nothing is found of one (default: those that have events)',
    )
    .option(
      '--since <time>',
      'send again what was committed or sent since then: the restored moment less the longest time that a message may have waited in a queue (default: everything that is kept)',
      moment,
    )
    .addHelpText(
      'after',
      '\nSafe to run again.\nExit codes: 0 done (with --dry-run: would be), 1 something was not found, 2 could not run.',
    )
    .action(async (options: RestoreOptions) => {
      using connection = await OutboxConnection.open(options);
      await restore(connection, options);
    });
}

async function restore(connection: OutboxConnection, options: RestoreOptions): Promise<void> {
  const { newEpoch: epoch, sources, since = 0, dryRun, json } = options;
  const { client, table: outbox, retentionSeconds } = connection;
  const begun = await beginEpoch({ client, outbox, epoch, sources, dryRun });
  const progress = progressLine();
  const sent = await resendStreams(connection.access, {
    ...{ since, retentionSeconds, dryRun, reason: `restored, epoch ${epoch} begun` },
    // What the new epoch has published since is on its way by itself.
    wanted: (name) => name.epoch !== epoch,
    onProgress: ({ streams, events }) => progress.now(`${streams} streams, ${events} events`),
  }).finally(() => progress.end());
  const missing = begun.sources.filter(({ streams }) => streams === 0).map(({ source }) => source);
  const found = begun.sources.length > 0 && missing.length === 0 && sent.cut.length === 0;
  if (!found) exitWith(1);
  if (json) printJson({ ...begun, dryRun, notFound: missing, resent: sent });
  else print(text(begun, missing, sent));
}

function text({ epoch, sources }: BegunEpoch, missing: readonly string[], sent: ResendReport): string {
  const { dryRun } = sent;
  return [
    ...(sources.length === 0 ? ['no source was found: the outbox has no events, give --sources'] : []),
    ...sources.map(
      ({ source, ended, streams, fenced }) =>
        `${inDryRun(dryRun)}source '${source}' is in epoch '${epoch}'; ${streams} streams of epochs ${ended.map((one) => `'${one}'`).join(', ') || '(none)'} are closed, ${fenced} of them now`,
    ),
    ...missing.map((source) => `nothing was found of source '${source}': is its name right?`),
    resendText(sent),
    `deploy all publishers with epoch '${epoch}', and then let traffic in`,
  ].join('\n');
}
