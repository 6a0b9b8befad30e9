import type { Command } from 'commander';
import { listGaps, type Gap } from '../../runtime/dynamodb/gaps.js';
import { passOverVersion } from '../../runtime/sqs/decide.js';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
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
      const gap = await listedGap(connection, version, options.stream);
      const queueUrl = await connection.sourceQueueUrl();
      if (!options.dryRun) await passOverVersion(connection.sqs, queueUrl, gap);
      if (options.json) printJson(gap);
      else
        print(
          `${inDryRun(options.dryRun)}'${gap.consumerName}' is told to go on behind version ${gap.sequence} of ${gap.stream}`,
        );
    });
}

/**
 * Only what is listed: a version that waits in the aggregate has no other copy, and must not be lost by a slip of the
 * hand.
 *
 * @throws CliError when no such version is listed, or several are.
 */
async function listedGap(connection: Connection, version: string, stream?: string): Promise<Gap> {
  const { dynamodb, consumerName, receiptTable: tableName } = connection;
  const found: Gap[] = [];
  for await (const gap of listGaps({ client: dynamodb, tableName }, consumerName))
    if (gap.sequence === version && (stream === undefined || gap.stream === stream)) found.push(gap);
  const [only, ...others] = found;
  if (only === undefined)
    throw new CliError(
      `no missing version '${version}' of '${consumerName}' is listed: see the command gaps`,
    );
  if (others.length > 0)
    throw new CliError(
      `${found.length} streams miss version '${version}': give one of them as --stream: ${found.map((gap) => gap.stream).join(' ')}`,
    );
  return only;
}
