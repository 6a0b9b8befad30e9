import type { Command } from 'commander';
import { keyHash } from '../../runtime/dedup/key-hash.js';
import { listDiscarded } from '../../runtime/dynamodb/discarded.js';
import { CliError } from '../cli-error.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { deadLetterCopy } from '../dead-letter-copy.js';
import { ageText } from '../duration.js';
import { HeldMessages } from '../held-messages.js';
import { addLetterSelection, isSelected, selectionText, type LetterSelection } from '../letter-selection.js';
import { letterTable, listedLetter } from '../letter-table.js';
import { exitWith, print, printable, printJson, tableText } from '../output.js';

interface ListOptions extends ConsumerOptions, LetterSelection {
  readonly discarded: boolean;
}

/** How long what is looked at is hidden from others, should this process die. */
const visibilitySeconds = 30;

/** Adds `dead-letters list`. */
export function addDeadLettersList(parent: Command): void {
  addLetterSelection(addConsumerOptions(parent.command('list')))
    .description('Lists what is in the dead-letter queue, oldest first, with the reason of each.')
    .option('--discarded', 'list what was thrown away instead: when, by whom and why', false)
    .addHelpText('after', '\nExit codes: 0 nothing is there, 1 something is, 2 could not run.')
    .action(async (options: ListOptions) => {
      using connection = await Connection.open(options);
      await (options.discarded ? listThrownAway(connection, options) : list(connection, options));
    });
}

async function list(connection: Connection, options: ListOptions): Promise<void> {
  const url = await connection.someDeadLetterQueueUrl();
  await using held = new HeldMessages(connection.sqs, url, visibilitySeconds);
  const letters = (await held.gather())
    .map(deadLetterCopy)
    .filter((copy) => isSelected(options, copy))
    .sort((a, b) => a.firstEnqueue - b.firstEnqueue)
    .slice(0, options.limit)
    .map(listedLetter);
  const unseen = await held.others();
  if (letters.length + unseen > 0) exitWith(1);
  if (options.json) printJson({ consumer: connection.consumerName, deadLetters: letters, unseen });
  else
    print(
      [
        letters.length === 0 ? `no dead letter${selectionText(options)} was found` : letterTable(letters),
        ...(unseen > 0
          ? [
              `about ${unseen} more were not looked at: SQS shows at most 10 of a FIFO group at a time, and others may hold some`,
            ]
          : []),
      ].join('\n'),
    );
}

async function listThrownAway(connection: Connection, options: ListOptions): Promise<void> {
  const { json, limit, key, group } = options;
  if (group !== undefined)
    throw new CliError('the group of what was thrown away is not kept: leave out --group');
  const { dynamodb: client, consumerName, receiptTable: tableName } = connection;
  const discarded = [];
  for await (const one of listDiscarded({ client, tableName }, consumerName)) {
    if (discarded.length === limit) break;
    if (key !== undefined && one.keyHash !== keyHash(key)) continue;
    discarded.push(one);
  }
  if (json) printJson({ consumer: consumerName, discarded });
  else if (discarded.length === 0)
    print(
      `nothing of '${consumerName}'${key === undefined ? '' : ` with key '${printable(key)}'`} was thrown away`,
    );
  else
    print(
      tableText(
        discarded.map((one) => ({
          FOR: ageText(one.at),
          BY: one.by,
          MESSAGE: one.messageId,
          'KEY HASH': one.keyHash ?? '',
          'FIRST SENT': one.firstEnqueue,
          REASON: one.reason,
        })),
      ),
    );
}
