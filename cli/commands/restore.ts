import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import { beginEpoch } from '../../runtime/outbox/epoch.js';
import { print, printJson } from '../output.js';

interface RestoreOptions {
  readonly newEpoch: string;
  readonly outbox: string;
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
    .option('--region <region>', 'AWS Region (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nSafe to run again.\nExit codes: 0 done, 2 could not run.')
    .action(async (options: RestoreOptions) => restore(options));
}

async function restore({ newEpoch, outbox, json, region, endpoint }: RestoreOptions): Promise<void> {
  const client = new DynamoDBClient({ ...(region && { region }), ...(endpoint && { endpoint }) });
  try {
    const begun = await beginEpoch({ client, outbox, epoch: newEpoch });
    if (json) printJson({ ...begun });
    else
      for (const { source, streams } of begun.sources)
        print(
          `source '${source}' is in epoch '${newEpoch}', ${streams} streams of others are closed: deploy all publishers with it, and then let traffic in`,
        );
  } finally {
    client.destroy();
  }
}
