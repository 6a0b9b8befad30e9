import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import type { FailureTable, StoppedGroup } from '../runtime/dynamodb/groups.js';
import type { Decision } from '../runtime/sqs/decide.js';
import { Connection } from './connection.js';
import { addConsumerOptions, type ConsumerOptions } from './consumer-options.js';
import { print, printJson } from './output.js';
import { stoppedGroup } from './stopped-group.js';

/** What a person may decide about a stopped group. */
export interface GroupDecision {
  readonly name: string;
  readonly description: string;
  readonly decide: (table: FailureTable, sqs: SQSClient, decision: Decision) => Promise<StoppedGroup>;
  /** What now happens to the group with its head, such as `is tried again from`. */
  readonly done: string;
}

/** Adds the command of a decision. */
export function addGroupDecision(program: Command, { name, description, decide, done }: GroupDecision): void {
  addConsumerOptions(program.command(name))
    .description(description)
    .argument('<group>', 'MessageGroupId, or the stream that groups --json prints')
    .requiredOption('--reason <text>', 'why you decide so: kept with the group')
    .addHelpText('after', '\nExit codes: 0 decided, and the consumer has been told; 2 could not run.')
    .action(async (named: string, options: ConsumerOptions & { readonly reason: string }) => {
      using connection = await Connection.open(options);
      const { stream } = await stoppedGroup(connection, named);
      const { dynamodb, sqs, consumerName, receiptTable: tableName } = connection;
      const { reason, json } = options;
      const group = await decide({ client: dynamodb, tableName }, sqs, { consumerName, stream, reason });
      if (json) printJson(group);
      else
        print(
          `group '${named}' of '${consumerName}' ${done} '${group.head.key ?? group.head.messageId}': ${group.state}`,
        );
    });
}
