import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { durationSeconds, durationText } from '../duration.js';
import { addLetterSelection, selectionText, type LetterSelection } from '../letter-selection.js';
import { letterTable } from '../letter-table.js';
import { exitWith, print, printJson, progressLine, tableText } from '../output.js';
import { redrive, type RedriveReport } from '../redrive.js';

interface Options extends ConsumerOptions, DryRunOption, LetterSelection {
  readonly rate: number;
  readonly visibility: number;
  readonly horizon?: number;
}

/** Adds `redrive`. */
export function addRedrive(program: Command): void {
  addDryRun(addLetterSelection(addConsumerOptions(program.command('redrive'))))
    .description(
      'Sends what is in the dead-letter queue to the consumer again, in order: what was done is removed, what may be forgotten is refused.',
    )
    .option('--rate <n>', 'messages a second', rateOf, 50)
    .option(
      '--horizon <duration>',
      'refuse what was first sent longer ago (default: --receipt-retention less the retention of --queue)',
      durationSeconds,
    )
    .addOption(
      new Option('--visibility <duration>', 'how long messages stay hidden when this process is killed')
        .default(60, '60s')
        .argParser(durationSeconds),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 none of those asked for is left (with --dry-run: would be), 1 messages were refused or are left, or none was found of --key or --group, 2 could not run.',
    )
    .action(async (options: Options) => {
      using connection = await Connection.open(options);
      await run(connection, options);
    });
}

async function run(connection: Connection, options: Options): Promise<void> {
  const { sqs, dynamodb, consumerName, dedupTable } = connection;
  const { dryRun, rate, visibility } = options;
  const queueUrl = await connection.queueUrl();
  const deadLetterQueueUrl = await connection.someDeadLetterQueueUrl();
  const horizonSeconds = options.horizon ?? (await horizonOf(connection, queueUrl));
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const progress = progressLine();
  const report = await redrive({
    ...{ sqs, dynamodb, consumerName, dedupTable, queueUrl, deadLetterQueueUrl, horizonSeconds, dryRun },
    selection: options,
    messagesPerSecond: rate,
    visibilitySeconds: visibility,
    signal: interrupt.signal,
    onProgress: (so) => progress.now(`${figures(so)}, ${so.left} to go`),
  }).finally(() => {
    progress.end();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  });
  const interrupted = interrupt.signal.aborted;
  const nothing = selectionText(options) !== '' && report.redriven + report.done + report.kept.size === 0;
  const leftBehind = report.left > 0 && !(report.redriven >= (options.limit ?? Infinity));
  if (report.kept.size > 0 || leftBehind || nothing) exitWith(1);
  const { passedBy, ...rest } = report;
  if (options.json)
    printJson({ ...rest, passedBy: passedBy.size, kept: [...report.kept.values()], interrupted });
  else print(text(report, interrupted, nothing ? selectionText(options) : undefined));
}

/**
 * A receipt lives for the retention after its message acted. A redriven message may wait in the queue for the queue's
 * whole retention before it acts; the receipt must still be there then.
 */
async function horizonOf(connection: Connection, QueueUrl: string): Promise<number | undefined> {
  const { sqs, dedupTable, receiptRetentionSeconds } = connection;
  if (dedupTable === undefined) return undefined;
  if (receiptRetentionSeconds === undefined)
    throw new CliError(
      'how long receipts are kept is not known, so messages whose receipt may be gone cannot be told: give --receipt-retention, --horizon or --function',
    );
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['MessageRetentionPeriod'] }),
  );
  return Math.max(0, receiptRetentionSeconds - Number(Attributes?.MessageRetentionPeriod));
}

function figures({ redriven, done, copies, kept }: RedriveReport): string {
  return `${redriven} redriven, ${done} already done, ${copies} further copies, ${kept.size} refused`;
}

/** @param missing what was asked for, when nothing of it was found */
function text(report: RedriveReport, interrupted: boolean, missing: string | undefined): string {
  const now = Date.now();
  const kept = [...report.kept.values()].map((one) => ({
    MESSAGE: one.messageId,
    KEY: one.key ?? '',
    GROUP: one.group ?? '',
    AGE: durationText((now - Date.parse(one.firstEnqueue)) / 1000),
    REFUSED: one.refused,
    'DEAD-LETTERED FOR': one.reason ?? '',
  }));
  return [
    `${inDryRun(report.dryRun)}${figures(report)}`,
    ...(missing === undefined ? [] : [`no dead letter${missing} was found`]),
    ...(report.planned.length > 0 ? [letterTable(report.planned)] : []),
    ...(report.bare > 0 ? [bareText(report)] : []),
    ...(report.left > 0 ? [leftText(report, interrupted)] : []),
    ...(report.passedBy.size > 0 ? [`${report.passedBy.size} were not asked for, and stay`] : []),
    ...(kept.length > 0 ? ['still in the dead-letter queue:', tableText(kept)] : []),
  ].join('\n');
}

function bareText({ bare }: RedriveReport): string {
  return `${bare} of them without attributes of theirs, for which their dead letters had no room: a key made of those is another one now`;
}

function leftText({ dryRun, left }: RedriveReport, interrupted: boolean): string {
  if (interrupted) return `interrupted: about ${left} are left, run it again to go on`;
  if (dryRun)
    return `about ${left} more were not looked at: SQS shows at most 10 of a FIFO group at a time, and others may hold some`;
  return `about ${left} are left: another reader holds them, or they are behind 10 refused ones of their FIFO group, or the limit is reached`;
}

/** No timer waits for as long as a much lower one would need: it fires at once. */
const lowestRate = 0.001;

function rateOf(value: string): number {
  const number = Number(value);
  if (!(number >= lowestRate && number <= 10_000))
    throw new InvalidArgumentError(`Allowed are numbers from ${lowestRate} to 10000.`);
  return number;
}
