import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { durationSeconds, durationText } from '../duration.js';
import { exitWith, print, printJson, progressLine, tableText } from '../output.js';
import { redrive, type RedriveReport } from '../redrive.js';

interface Options extends ConsumerOptions {
  readonly dryRun: boolean;
  readonly rate: number;
  readonly visibility: number;
  readonly horizon?: number;
}

/** Adds `redrive`. */
export function addRedrive(program: Command): void {
  addConsumerOptions(program.command('redrive'))
    .description(
      'Sends what is in the dead-letter queue to the consumer again, in order: what was done is removed, what may be forgotten is refused.',
    )
    .option('--dry-run', 'tell what would be done, and change nothing', false)
    .option('--rate <n>', 'messages a second', positive, 50)
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
      '\nExit codes: 0 the dead-letter queue is empty (with --dry-run: would be), 1 messages were refused or are left, 2 could not run.',
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
    messagesPerSecond: rate,
    visibilitySeconds: visibility,
    signal: interrupt.signal,
    onProgress: (so) => progress.now(`${figures(so)}, ${so.left} to go`),
  }).finally(() => {
    progress.end();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  });
  if (report.kept.size > 0 || report.left > 0) exitWith(1);
  if (options.json)
    printJson({ ...report, kept: [...report.kept.values()], interrupted: interrupt.signal.aborted });
  else print(text(report, interrupt.signal.aborted));
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

function text(report: RedriveReport, interrupted: boolean): string {
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
    `${report.dryRun ? 'would be: ' : ''}${figures(report)}`,
    ...(report.bare > 0 ? [bareText(report)] : []),
    ...(report.left > 0 ? [leftText(report, interrupted)] : []),
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
  return `about ${left} are left: another reader holds them, or they are behind 10 refused ones of their FIFO group`;
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 10_000))
    throw new InvalidArgumentError('Allowed are numbers above 0, up to 10000.');
  return number;
}
