import type { Command } from 'commander';
import { stuckStreams } from '../../runtime/outbox/stuck-streams.js';
import { addOutboxOptions, OutboxConnection, type OutboxOptions } from '../outbox-connection.js';
import { exitWith, print, printJson } from '../output.js';
import { listedStream, stuckTable, type ListedStream } from '../stuck-table.js';

/** Adds `outbox list`. */
export function addOutboxList(parent: Command): void {
  addOutboxOptions(parent.command('list'))
    .description(
      'Lists the streams of an outbox that do not go on by themselves, and those that are sent again.',
    )
    .addHelpText('after', '\nExit codes: 0 none, 1 some, 2 could not run.')
    .action(async (options: OutboxOptions) => {
      using connection = await OutboxConnection.open(options);
      const streams: ListedStream[] = [];
      for await (const page of stuckStreams(connection.access)) streams.push(...page.map(listedStream));
      streams.sort((a, b) => (a.since < b.since ? -1 : 1));
      if (streams.length > 0) exitWith(1);
      if (options.json) printJson({ outbox: connection.table, streams });
      else print(streams.length === 0 ? `no stream of '${connection.table}' is stuck` : stuckTable(streams));
    });
}
