import type { Command } from 'commander';
import { skipHead } from '../../runtime/dedup/groups.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { print, printJson } from '../output.js';
import { stoppedGroup } from '../stopped-group.js';

/** Adds `skip`. */
export function addSkip(program: Command): void {
  addConsumerOptions(program.command('skip'))
    .description(
      'Passes over the message that a group stopped at, and goes on with what waits behind it, in order.',
    )
    .argument('<group>', 'MessageGroupId, or the stream that groups --json prints')
    .requiredOption('--reason <text>', 'why you decide so: kept with the group')
    .addHelpText('after', '\nExit codes: 0 decided, and the consumer has been told; 2 could not run.')
    .action(async (group: string, options: ConsumerOptions & { readonly reason: string }) => {
      using connection = await Connection.open(options);
      await skip(connection, group, options);
    });
}

async function skip(
  connection: Connection,
  name: string,
  { reason, json }: ConsumerOptions & { readonly reason: string },
): Promise<void> {
  const { stream } = await stoppedGroup(connection, name);
  const { dynamodb, sqs, consumerName } = connection;
  const table = { client: dynamodb, tableName: connection.receiptTable };
  const group = await skipHead(table, sqs, { consumerName, stream, reason });
  if (json) printJson(group);
  else
    print(
      `group '${name}' of '${consumerName}' goes on behind '${group.head.key ?? group.head.messageId}': ${group.state}`,
    );
}
