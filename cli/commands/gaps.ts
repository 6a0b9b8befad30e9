import type { Command } from 'commander';
import { listGaps, type Gap } from '../../runtime/dynamodb/gaps.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { gapsTable } from '../gaps-table.js';
import { exitWith, print, printJson } from '../output.js';

/** Adds `gaps`. */
export function addGaps(program: Command): void {
  addConsumerOptions(program.command('gaps'))
    .description('Lists the versions that have not come while later ones of their aggregate wait for them.')
    .addHelpText('after', '\nExit codes: 0 no version is missing, 1 some are, 2 could not run.')
    .action(async (options: ConsumerOptions) => {
      using connection = await Connection.open(options);
      await gaps(connection, options.json);
    });
}

async function gaps(connection: Connection, json: boolean): Promise<void> {
  const { dynamodb, consumerName } = connection;
  const gaps: Gap[] = [];
  for await (const gap of listGaps({ client: dynamodb, tableName: connection.receiptTable }, consumerName))
    gaps.push(gap);
  if (gaps.length > 0) exitWith(1);
  if (json) printJson({ consumer: consumerName, gaps });
  else print(gaps.length === 0 ? `no version is missing for '${consumerName}'` : gapsTable(gaps));
}
