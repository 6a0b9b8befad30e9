import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { listPostgresGaps, passOverPostgresVersion } from '../../runtime/postgres/index.js';
import { clientSettings } from '../connection.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { listedGap } from '../listed-gap.js';
import { print, printJson } from '../output.js';
import { addUrl, withTables, type DatabaseOptions } from '../postgres/database.js';
import { queueUrlOf } from '../queue-url.js';

interface PostgresSkipVersionOptions extends DatabaseOptions, DryRunOption {
  readonly consumer: string;
  readonly queue: string;
  readonly stream?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Adds `postgres skip-version`. */
export function addPostgresSkipVersion(postgres: Command): void {
  addDryRun(addUrl(postgres.command('skip-version')))
    .description('Has an aggregate go on behind a version that does not come: one that postgres gaps lists.')
    .argument('<version>', 'the missing version')
    .requiredOption('--consumer <name>', 'consumerName of the consumer')
    .requiredOption('--queue <queue>', 'queue that the consumer reads: URL, ARN or name')
    .option('--stream <stream>', 'as postgres gaps prints it: needed when several streams miss that version')
    .option('--region <region>', 'AWS Region of the queue (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .addHelpText('after', '\nExit codes: 0 the consumer has been told; 2 could not run.')
    .action(async (version: string, options: PostgresSkipVersionOptions) =>
      withTables(options.url, async (pool) => {
        const { consumer, queue, stream, dryRun, json } = options;
        const gap = listedGap(await listPostgresGaps(pool, consumer), version, {
          ...{ consumer, stream, list: 'postgres gaps' },
        });
        const sqs = new SQSClient({ ...clientSettings(options), useQueueUrlAsEndpoint: false });
        try {
          const queueUrl = await queueUrlOf(sqs, queue);
          if (!dryRun) await passOverPostgresVersion(sqs, queueUrl, gap);
        } finally {
          sqs.destroy();
        }
        if (json) printJson(gap);
        else
          print(
            `${inDryRun(dryRun)}'${consumer}' is told to go on behind version ${gap.sequence} of ${gap.stream}`,
          );
      }),
    );
}
