import type { Command } from 'commander';
import { listBlocked } from '../../runtime/dynamodb/blocked-effects.js';
import { Connection } from '../connection.js';
import { addConsumerOptions, type ConsumerOptions } from '../consumer-options.js';
import { exitWith, print, printJson, tableText } from '../output.js';

/** Adds `blocked`. */
export function addBlocked(program: Command): void {
  addConsumerOptions(program.command('blocked'))
    .description('Lists effects outside the store whose outcome nobody knows, oldest first: see unlock.')
    .addHelpText('after', '\nExit codes: 0 none, 1 some, 2 could not run.')
    .action(async (options: ConsumerOptions) => {
      using connection = await Connection.open(options);
      const { dynamodb: client, consumerName, receiptTable: tableName } = connection;
      const effects = [];
      for await (const effect of listBlocked({ client, tableName }, consumerName)) effects.push(effect);
      if (options.json) printJson(effects);
      else if (effects.length === 0) print(`no effect of '${consumerName}' is blocked`);
      else print(tableText(effects.map(({ since, id, reason }) => ({ since, row: id, reason }))));
      exitWith(effects.length === 0 ? 0 : 1);
    });
}
