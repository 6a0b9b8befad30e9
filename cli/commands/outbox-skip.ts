import type { Command } from 'commander';
import { nextFor, readStuck, type StuckStream } from '../../runtime/outbox/stuck-streams.js';
import { skipEvent } from '../../runtime/outbox/skip-event.js';
import { CliError } from '../cli-error.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { operatorName } from '../operator-name.js';
import { addOutboxOptions, OutboxConnection, type OutboxOptions } from '../outbox-connection.js';
import { listedStream, targetText } from '../stuck-table.js';
import { print, printJson } from '../output.js';

interface SkipOptions extends OutboxOptions, DryRunOption {
  readonly stream: string;
  readonly target?: string;
  readonly version?: string;
  readonly reason: string;
  readonly by: string;
}

/** Adds `outbox skip`. */
export function addOutboxSkip(parent: Command): void {
  addDryRun(addOutboxOptions(parent.command('skip')))
    .description('Passes over the event at which a stream is stuck, for targets that can never take it.')
    .requiredOption('--stream <stream>', 'as outbox list --json prints it')
    .option(
      '--target <name>',
      'only for this target of the relay; needs --function (default: all that stand there)',
    )
    .option(
      '--version <version>',
      'the event: refused when the stream is not stuck at it (default: the first one)',
    )
    .requiredOption('--reason <text>', 'why: kept with the event')
    .option('--by <name>', 'who decides so (default: your name on this machine)', operatorName())
    .addHelpText('after', '\nExit codes: 0 passed over; 2 could not run.')
    .action(async (options: SkipOptions) => {
      using connection = await OutboxConnection.open(options);
      await skip(connection, options);
    });
}

async function skip(connection: OutboxConnection, options: SkipOptions): Promise<void> {
  const { stream, reason, by, dryRun } = options;
  const entry = await readStuck(connection.access, stream);
  if (entry === undefined)
    throw new CliError(
      `no stream ${stream} of '${connection.table}' is listed as stuck: give it as outbox list --json prints it, in quotes`,
    );
  const target = options.target === undefined ? undefined : connection.target(options.target);
  const { version, targets } = standing(entry, target, options.version);
  if (!dryRun) {
    const now = await skipEvent(connection.access, { stream, version }, entry, { targets, reason, by });
    const back = now && targets.find((name) => nextFor(now, name) <= version);
    if (back !== undefined)
      throw new CliError(
        `meanwhile somebody had the stream sent again from an earlier event: '${back}' is to be sent it up to version ${version}, so run skip again when it stands there`,
      );
  }
  if (options.json) printJson({ dryRun, stream, version: String(version), targets, reason, by });
  else
    print(
      [
        `${inDryRun(dryRun)}version ${version} of ${stream} is passed over for ${targets.map((name) => targetText(name, listedStream(entry))).join(', ')}`,
        'consumers behind them that go by version wait for it: see gaps and skip-version',
      ].join('\n'),
    );
}

/**
 * Who stands at the earliest event. What is behind it may be on its way, and is not to be passed over by a slip of
 * the hand.
 *
 * @throws CliError when nobody, or not the target that was given, stands at the version that was given
 */
function standing(
  entry: StuckStream,
  target: string | undefined,
  given: string | undefined,
): { readonly version: bigint; readonly targets: readonly string[] } {
  // An entry names at least every other target.
  const names = target === undefined ? [...entry.next.keys()] : [target];
  const places = names.map((name) => ({ name, at: nextFor(entry, name) }));
  const version = places.map(({ at }) => at).reduce((least, at) => (at < least ? at : least));
  if (given !== undefined && given !== String(version))
    throw new CliError(
      `nobody is stuck at version '${given}' of the stream: ${places.map(({ name, at }) => `'${name}' is to be sent ${at} next`).join(', ')}`,
    );
  return { version, targets: places.filter(({ at }) => at === version).map(({ name }) => name) };
}
