import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Command } from 'commander';
import { receiptId } from '../../runtime/dedup/identity.js';
import { readReceipt } from '../../runtime/dynamodb/receipt-reader.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { deadLetterCopy } from '../dead-letter-copy.js';
import { durationText } from '../duration.js';
import { HeldMessages } from '../held-messages.js';
import { exitWith, jsonText, print, printJson, tableText, warn } from '../output.js';
import { NotKnown } from '../permission.js';

/** What is stored of a key, wherever it is. */
export interface Receipt {
  readonly completed: boolean;
  readonly status: string;
  readonly fingerprint?: string;
  /** Seconds since it was written or last renewed; unknown without the retention. */
  readonly age?: number;
  /** ISO 8601: DynamoDB may delete it after that. */
  readonly expires: string;
  readonly result?: unknown;
}

interface Letter {
  readonly messageId: string;
  readonly reason: string;
  readonly attempts: number;
  readonly redrives: number;
  readonly firstEnqueue: string;
  readonly group?: string;
}

interface DeadLetters {
  readonly found: readonly Letter[];
  /** Messages of the dead-letter queue that could not be looked at. */
  readonly unseen: number;
}

/** How long what is looked at is hidden from others, should this process die. */
const visibilitySeconds = 30;

/** Adds `inspect`. */
export function addInspect(program: Command): void {
  addConsumerOptions(program.command('inspect'))
    .description('Tells what is known of one key: its receipt, and its copies in the dead-letter queue.')
    .argument('<key>', 'the key, as the consumer makes it')
    .addHelpText(
      'after',
      '\nExit codes: 0 it has been processed, 1 no completed receipt is there, 2 could not run.',
    )
    .action(async (key: string, options: ConsumerOptions) => {
      using connection = await Connection.open(options);
      const receipt = await receiptOf(connection, key);
      const notKnown = new NotKnown();
      const deadLetters = await notKnown.unlessDenied(
        `dead letters of '${key}'`,
        'sqs:ReceiveMessage on the dead-letter queue',
        () => deadLettersOf(connection, key),
      );
      for (const sentence of notKnown.all) warn(`not known: ${sentence}`);
      if (receipt?.completed !== true) exitWith(1);
      if (options.json) printJson({ consumer: connection.consumerName, key, receipt, deadLetters });
      else print(inspectedText(connection.consumerName, key, receipt, deadLetters));
    });
}

async function receiptOf(connection: Connection, key: string): Promise<Receipt | undefined> {
  const { dynamodb, consumerName, receiptRetentionSeconds: retention } = connection;
  const { Item } = await dynamodb.send(
    new GetItemCommand({
      TableName: connection.receiptTable,
      Key: { id: { S: receiptId(consumerName, key) } },
      ConsistentRead: true,
    }),
  );
  if (Item === undefined) return undefined;
  const { expiration, ...receipt } = readReceipt(Item);
  return {
    ...receipt,
    age:
      retention === undefined
        ? undefined
        : Math.max(0, Math.round(Date.now() / 1000 - expiration + retention)),
    expires: new Date(expiration * 1000).toISOString(),
  };
}

/** Undefined when the dead-letter queue is not known. */
async function deadLettersOf(connection: Connection, key: string): Promise<DeadLetters | undefined> {
  const url = await connection.deadLetterQueueUrl();
  if (url === undefined) return undefined;
  await using held = new HeldMessages(connection.sqs, url, visibilitySeconds);
  const found = (await held.gather())
    .map(deadLetterCopy)
    .flatMap(({ messageId, letter, group }): Letter[] => {
      if (letter?.key !== key || letter.consumerName !== connection.consumerName) return [];
      const { reason, attempts, redrives = 0, firstEnqueue } = letter;
      return [{ messageId, reason, attempts, redrives, firstEnqueue, group }];
    });
  return { found, unseen: await held.others() };
}

function inspectedText(
  consumer: string,
  key: string,
  receipt: Receipt | undefined,
  deadLetters: DeadLetters | undefined,
): string {
  const facts = [
    ...receiptFacts(consumer, key, receipt),
    {
      '': 'dead letters',
      ' ':
        deadLetters === undefined
          ? 'not looked at; give --dead-letter-queue if that is not known'
          : countText(deadLetters),
    },
  ];
  const rows = (deadLetters?.found ?? []).map(({ messageId, attempts, redrives, firstEnqueue, reason }) => ({
    MESSAGE: messageId,
    ATTEMPTS: attempts,
    REDRIVES: redrives,
    'FIRST SENT': firstEnqueue,
    REASON: reason,
  }));
  return [tableText(facts), ...(rows.length > 0 ? ['', tableText(rows)] : [])].join('\n');
}

/** What is said of a receipt, wherever it is kept. */
export function receiptFacts(consumer: string, key: string, receipt: Receipt | undefined) {
  return [
    { '': 'consumer', ' ': consumer },
    { '': 'key', ' ': key },
    ...(receipt === undefined
      ? [{ '': 'receipt', ' ': 'none: it has not been processed, or longer ago than receipts are kept' }]
      : [
          { '': 'receipt', ' ': receipt.status },
          ...(receipt.age === undefined
            ? []
            : [{ '': 'written', ' ': `${durationText(receipt.age)} ago, or renewed then` }]),
          { '': 'kept until', ' ': receipt.expires },
          ...(receipt.result === undefined ? [] : [{ '': 'result', ' ': jsonText(receipt.result) }]),
        ]),
  ];
}

function countText({ found, unseen }: DeadLetters): string {
  const more = `about ${unseen} more were not looked at (SQS shows at most 10 of a FIFO group at a time, and others may hold some)`;
  return `${found.length}${unseen > 0 ? `; ${more}` : ''}`;
}
