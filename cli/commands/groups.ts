import type { Command } from 'commander';
import { listGroups, listHoles, type Hole, type StoppedGroup } from '../../runtime/dynamodb/groups.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { ageText } from '../duration.js';
import { groupsTable } from '../groups-table.js';
import { exitWith, print, printJson, tableText } from '../output.js';

/** Adds `groups`. */
export function addGroups(program: Command): void {
  addConsumerOptions(program.command('groups'))
    .description('Lists the groups that stand still after a failure, and the messages that were passed over.')
    .addHelpText('after', '\nExit codes: 0 no group stands still, 1 some do, 2 could not run.')
    .action(async (options: ConsumerOptions) => {
      using connection = await Connection.open(options);
      await groups(connection, options.json);
    });
}

async function groups(connection: Connection, json: boolean): Promise<void> {
  const { dynamodb, consumerName } = connection;
  const table = { client: dynamodb, tableName: connection.receiptTable };
  const groups: StoppedGroup[] = [];
  for await (const group of listGroups(table, consumerName)) groups.push(group);
  const holes: Hole[] = [];
  for await (const hole of listHoles(table, consumerName)) holes.push(hole);
  if (groups.length > 0) exitWith(1);
  if (json) {
    printJson({ consumer: consumerName, groups, holes });
    return;
  }
  print(
    groups.length === 0 ? `no group of '${consumerName}' stands still` : groupsTable(groups, 'in its item'),
  );
  if (holes.length > 0)
    print(
      `\npassed over, and not done since:\n${tableText(
        holes.map((hole) => ({
          KEY: hole.key ?? '',
          STREAM: hole.stream,
          SEQUENCE: hole.sequence ?? '',
          FOR: ageText(hole.at),
          REASON: hole.reason,
          DECISION: hole.decision,
        })),
      )}`,
    );
}
