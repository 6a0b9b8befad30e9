import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import { table, type Table } from '../../runtime/dynamodb/table.js';
import { beginEpoch } from '../../runtime/outbox/epoch.js';
import { CliError } from '../cli-error.js';
import { print, printJson } from '../output.js';

interface RestoreOptions {
  readonly newEpoch: string;
  readonly outbox: string;
  readonly aggregates: readonly string[];
  readonly region?: string;
  readonly endpoint?: string;
  readonly json: boolean;
}

/** Adds `restore`. */
export function addRestore(program: Command): void {
  program
    .command('restore')
    .description(
      'After tables were restored from a backup, and before anything publishes: begins the counts of all events anew. See docs/runbook/restore.md.',
    )
    .requiredOption(
      '--new-epoch <epoch>',
      'one that was never used: deploy the publishers with it afterwards',
    )
    .requiredOption('--outbox <name>', 'table of the outbox')
    .requiredOption('--aggregates <names...>', 'tables of everything that publishes to it')
    .option('--region <region>', 'AWS Region (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nSafe to run again.\nExit codes: 0 done, 2 could not run.')
    .action(async (options: RestoreOptions) => restore(options));
}

async function restore({
  newEpoch,
  outbox,
  aggregates,
  json,
  region,
  endpoint,
}: RestoreOptions): Promise<void> {
  const client = new DynamoDBClient({ ...(region && { region }), ...(endpoint && { endpoint }) });
  try {
    const tables = await Promise.all(aggregates.map((name) => keyedTable(client, name)));
    const count = await beginEpoch({ client, outbox, aggregates: tables, epoch: newEpoch });
    if (json) printJson({ epoch: newEpoch, begunAnew: count });
    else
      print(
        `${count} aggregates begin at version 1 of epoch '${newEpoch}': deploy all publishers with it, and then let traffic in`,
      );
  } finally {
    client.destroy();
  }
}

async function keyedTable(client: DynamoDBClient, name: string): Promise<Table> {
  const { Table: described } = await client.send(new DescribeTableCommand({ TableName: name }));
  const key = (type: string) => described?.KeySchema?.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const partitionKey = key('HASH');
  if (partitionKey === undefined) throw new CliError(`the key of table '${name}' is not known`);
  return table({ name, partitionKey, sortKey: key('RANGE') });
}
