import type { Command } from 'commander';
import { unlock } from '../../runtime/lease/unlock.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { addDryRun } from '../dry-run.js';
import { addUnlockOptions, printUnlocked, unlockOrder, type UnlockOptions } from '../unlock-order.js';

/** Adds `unlock`. */
export function addUnlock(program: Command): void {
  addUnlockOptions(
    addDryRun(addConsumerOptions(program.command('unlock'))),
    '<key> is the id of a row, such as a Powertools key',
  )
    .addHelpText(
      'after',
      '\nSend the message again afterwards: see redrive.\nExit codes: 0 written down; 2 could not run.',
    )
    .action(async (key: string, options: ConsumerOptions & UnlockOptions) => {
      using connection = await Connection.open(options, { compare: !options.row });
      const { dynamodb: client, consumerName, receiptTable: tableName, receiptRetentionSeconds } = connection;
      const order = unlockOrder(key, consumerName, receiptRetentionSeconds, options);
      const before = await unlock({ client, tableName }, order);
      printUnlocked(`'${key}' of '${consumerName}'`, order, before, options.json);
    });
}
