import type { Command } from 'commander';
import { resumeGroup } from '../../runtime/dedup/groups.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { print, printJson } from '../output.js';
import { stoppedGroup } from '../stopped-group.js';

/** Adds `resume`. */
export function addResume(program: Command): void {
  addConsumerOptions(program.command('resume'))
    .description('Tries the message that a group stopped at again, and then what waits behind it, in order.')
    .argument('<group>', 'MessageGroupId, or the stream that groups --json prints')
    .requiredOption('--reason <text>', 'why you decide so: kept with the group')
    .addHelpText('after', '\nExit codes: 0 decided, and the consumer has been told; 2 could not run.')
    .action(async (group: string, options: ConsumerOptions & { readonly reason: string }) => {
      using connection = await Connection.open(options);
      await resume(connection, group, options);
    });
}

async function resume(
  connection: Connection,
  name: string,
  { reason, json }: ConsumerOptions & { readonly reason: string },
): Promise<void> {
  const { stream } = await stoppedGroup(connection, name);
  const { dynamodb, sqs, consumerName } = connection;
  const table = { client: dynamodb, tableName: connection.receiptTable };
  const group = await resumeGroup(table, sqs, { consumerName, stream, reason });
  if (json) printJson(group);
  else
    print(
      `group '${name}' of '${consumerName}' is tried again from '${group.head.key ?? group.head.messageId}': ${group.state}`,
    );
}
