import type { Command } from 'commander';
import { noteDiscarded } from '../../runtime/dynamodb/discarded.js';
import { operatorLimits } from '../../runtime/dedup/operator-limits.js';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { deadLetterCopy, type DeadLetterCopy } from '../dead-letter-copy.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { HeldMessages } from '../held-messages.js';
import { addLetterSelection, isSelected, selectionText, type LetterSelection } from '../letter-selection.js';
import { letterTable, listedLetter } from '../letter-table.js';
import { operatorName } from '../operator-name.js';
import { exitWith, print, printJson } from '../output.js';

interface DiscardOptions extends ConsumerOptions, LetterSelection, DryRunOption {
  readonly message?: string;
  readonly all: boolean;
  readonly reason: string;
  readonly by: string;
}

const visibilitySeconds = 30;

/** Adds `dead-letters discard`. */
export function addDiscard(parent: Command): void {
  addDryRun(addLetterSelection(addConsumerOptions(parent.command('discard'))))
    .description('Throws dead letters away for good. Who did it, when and why is kept; the message is not.')
    .option('--message <id>', 'only this one: an id that `dead-letters list` prints')
    .option('--all', 'every dead letter of the consumer', false)
    .requiredOption('--reason <text>', 'why they may be lost: kept in the table of the receipts')
    .option('--by <name>', 'who decides so (default: your name on this machine)', operatorName())
    .addHelpText(
      'after',
      '\nExit codes: 0 thrown away, 1 none was found or some were not looked at, 2 could not run.',
    )
    .action(async (options: DiscardOptions) => {
      using connection = await Connection.open(options);
      await discard(connection, options);
    });
}

async function discard(connection: Connection, options: DiscardOptions): Promise<void> {
  const { consumerName } = connection;
  const { message, all, key, group, dryRun } = options;
  if (!all && message === undefined && key === undefined && group === undefined)
    throw new CliError('which dead letters is not said: give --key, --group, --message or --all');
  await using held = new HeldMessages(
    connection.sqs,
    await connection.someDeadLetterQueueUrl(),
    visibilitySeconds,
  );
  const { discarded, ofOthers } = await discardHeld(connection, held, options);
  const unseen = message !== undefined && discarded.length > 0 ? 0 : await held.others();
  if (discarded.length === 0 || unseen > 0) exitWith(1);
  const letters = discarded.map(listedLetter);
  if (options.json) printJson({ consumer: consumerName, dryRun, discarded: letters, ofOthers, unseen });
  else
    print(
      [
        `${inDryRun(dryRun)}${letters.length} dead letters${selectionText(options)} thrown away`,
        ...(letters.length > 0 ? [letterTable(letters)] : []),
        ...(ofOthers > 0 ? [`${ofOthers} more belong to other consumers, and stay`] : []),
        ...(unseen > 0 ? [`about ${unseen} were not looked at: run it again for them`] : []),
      ].join('\n'),
    );
}

/** Pass by pass: SQS shows 10 of a FIFO group at a time, and the next ones when those are gone. */
async function discardHeld(
  connection: Connection,
  held: HeldMessages,
  options: DiscardOptions,
): Promise<{ discarded: readonly DeadLetterCopy[]; ofOthers: number }> {
  const { message, limit = Infinity, dryRun } = options;
  const discarded: DeadLetterCopy[] = [];
  let ofOthers = 0;
  for (;;) {
    const found = (await held.gather())
      .map(deadLetterCopy)
      .filter((copy) => isSelected(options, copy) && (message === undefined || copy.messageId === message));
    const own = found.filter((copy) => isOurs(copy, connection.consumerName));
    ofOthers += found.length - own.length;
    const chosen = own.slice(0, limit - discarded.length);
    if (!dryRun) for (const copy of chosen) await discardOne(connection, held, copy, options);
    discarded.push(...chosen);
    if (dryRun || chosen.length === 0 || discarded.length >= limit) return { discarded, ofOthers };
  }
}

/** Written down first, so that none is gone without a trace. */
async function discardOne(
  { dynamodb: client, consumerName, receiptTable: tableName }: Connection,
  held: HeldMessages,
  { messageId, letter, firstEnqueue, message }: DeadLetterCopy,
  { reason, by }: DiscardOptions,
): Promise<void> {
  const one = { messageId, key: letter?.key, firstEnqueue: new Date(firstEnqueue).toISOString(), reason, by };
  await noteDiscarded({ client, tableName }, consumerName, one, operatorLimits());
  await held.remove(message);
}

/** One without a letter is nobody's: whoever reads the queue decides. */
function isOurs({ consumer }: DeadLetterCopy, consumerName: string): boolean {
  return consumer === undefined || consumer === consumerName;
}
