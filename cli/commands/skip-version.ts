import type { Command } from 'commander';
import { listGaps } from '../../runtime/dynamodb/gaps.js';
import { passOverVersion } from '../../runtime/sqs/decide.js';
import { collected } from '../collected.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { listedGap } from '../listed-gap.js';
import { print, printJson } from '../output.js';

interface SkipVersionOptions extends ConsumerOptions, DryRunOption {
  readonly stream?: string;
}

/** Adds `skip-version`. */
export function addSkipVersion(program: Command): void {
  addDryRun(addConsumerOptions(program.command('skip-version')))
    .description('Has an aggregate go on behind a version that does not come: one that gaps lists.')
    .argument('<version>', 'the missing version')
    .option('--stream <stream>', 'as gaps prints it: needed when several streams miss that version')
    .addHelpText('after', '\nExit codes: 0 the consumer has been told; 2 could not run.')
    .action(async (version: string, options: SkipVersionOptions) => {
      using connection = await Connection.open(options);
      const { dynamodb, consumerName: consumer, receiptTable: tableName } = connection;
      const gaps = await collected(listGaps({ client: dynamodb, tableName }, consumer));
      const gap = listedGap(gaps, version, { consumer, stream: options.stream, list: 'gaps' });
      const queueUrl = await connection.sourceQueueUrl();
      if (!options.dryRun) await passOverVersion(connection.sqs, queueUrl, gap);
      if (options.json) printJson(gap);
      else
        print(
          `${inDryRun(options.dryRun)}'${gap.consumerName}' is told to go on behind version ${gap.sequence} of ${gap.stream}`,
        );
    });
}
