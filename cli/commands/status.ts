import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { clientSettings, Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { OutboxConnection } from '../outbox-connection.js';
import { exitWith, print, printJson } from '../output.js';
import { NotKnown } from '../permission.js';
import { consumerStatus } from '../status/consumer-status.js';
import { jobStatus } from '../status/job-status.js';
import { outboxStatus } from '../status/outbox-status.js';
import { placesByHand, placesOfAll, placesOfFunction, type Places } from '../status/places.js';
import type { StatusLine } from '../status/status-line.js';
import { statusPage } from '../status/status-page.js';

interface StatusOptions extends ConsumerOptions {
  readonly outbox?: string;
  readonly prefix?: string;
  readonly jobs: boolean;
}

/** Adds `status`. */
export function addStatus(program: Command): void {
  addConsumerOptions(program.command('status'))
    .description(
      'One page: what stands still, waits, is dead, silent or unsent, and what mends it. Without options of everything in the account and Region.',
    )
    .option('--outbox <name>', 'only this outbox: its table; with --consumer both')
    .option(
      '--prefix <text>',
      'only functions whose names begin so: CDK begins them with the name of the stack',
    )
    .option('--jobs', 'with --consumer: it is a job queue, look for jobs that are silent or late', false)
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing needs a person, 1 something does or is not known, 2 could not run.',
    )
    .action(async (options: StatusOptions) => {
      const places = await placesOf(options);
      const notKnown = new NotKnown();
      sayWithoutTable(places, options, notKnown);
      const lines = await status(places, options, notKnown);
      const fine = lines.every(({ needsPerson }) => !needsPerson) && notKnown.all.length === 0;
      if (lines.every(({ count }) => count === undefined))
        throw new CliError(`nothing could be asked: ${notKnown.all.join('; ')}`);
      if (!fine) exitWith(1);
      if (options.json) printJson({ fine, lines, notKnown: notKnown.all });
      else print(statusPage(lines, notKnown.all));
    });
}

async function placesOf(options: StatusOptions): Promise<Places> {
  const { function: name, consumer, outbox, prefix, jobs } = options;
  const byHand = consumer !== undefined || outbox !== undefined;
  const ofOne = givenOf(options);
  if (consumer === undefined && ofOne.length > 0)
    throw new CliError(`${ofOne.join(', ')} would not be looked at: give --consumer with it`);
  if (prefix !== undefined && (byHand || name !== undefined))
    throw new CliError('--prefix looks for functions: leave out --function, --consumer and --outbox');
  if (!byHand)
    return name === undefined
      ? placesOfAll(prefix ?? '', clientSettings(options))
      : placesOfFunction(name, clientSettings(options));
  // Both compare what was given by hand with what is there.
  if (outbox !== undefined)
    (await OutboxConnection.open({ ...options, function: undefined }))[Symbol.dispose]();
  return placesByHand(consumer === undefined ? undefined : await consumerPlace(options), outbox, jobs);
}

/** Options that say of a consumer what is not read from its function. */
function givenOf({ dedupTable, queue, deadLetterQueue, jobs }: StatusOptions): string[] {
  const given = {
    '--dedup-table': dedupTable !== undefined,
    '--queue': queue !== undefined,
    '--dead-letter-queue': deadLetterQueue !== undefined,
    '--jobs': jobs,
  };
  return Object.entries(given).flatMap(([option, isGiven]) => (isGiven ? [option] : []));
}

/** A table that was forgotten is none in which nothing stands still. */
function sayWithoutTable({ consumers }: Places, { consumer, jobs }: StatusOptions, notKnown: NotKnown): void {
  for (const { consumerName: of, dedupTable } of consumers)
    if (consumer !== undefined && dedupTable === undefined)
      for (const what of ['stopped groups', 'gaps', 'blocked effects', ...(jobs ? ['silent jobs'] : [])])
        notKnown.say(`${what} of '${of}'`, 'the table of the receipts is not known, give --dedup-table');
}

async function consumerPlace(options: StatusOptions) {
  using connection = await Connection.open(options);
  const { consumerName, dedupTable } = connection;
  return { consumerName, dedupTable, deadLetterQueueUrl: await connection.deadLetterQueueUrl() };
}

/** One after the other: a page is not worth throttling those who work. */
async function status(
  { consumers, outboxes, jobs }: Places,
  options: StatusOptions,
  notKnown: NotKnown,
): Promise<StatusLine[]> {
  const settings = clientSettings(options);
  const dynamodb = new DynamoDBClient(settings);
  const sqs = new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
  const lines: StatusLine[] = [];
  try {
    for (const consumer of consumers)
      lines.push(...(await consumerStatus({ dynamodb, sqs }, consumer, notKnown)));
    for (const [table, names] of jobs)
      for (const name of names) lines.push(await jobStatus(dynamodb, table, name, notKnown));
    for (const table of outboxes)
      lines.push(...(await outboxStatus(OutboxConnection.accessOf(dynamodb, table), notKnown)));
    return lines;
  } finally {
    dynamodb.destroy();
    sqs.destroy();
  }
}
