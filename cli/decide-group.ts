import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import { GroupNotStopped } from '../runtime/dedup/errors.js';
import { listGroups, type FailureTable, type StoppedGroup } from '../runtime/dynamodb/groups.js';
import type { Decision } from '../runtime/sqs/decide.js';
import { assertDecidable } from '../runtime/sqs/decide-group.js';
import { CliError } from './cli-error.js';
import { Connection } from './connection.js';
import { addConsumerOptions, type ConsumerOptions } from './consumer-options.js';
import { addDryRun, inDryRun, type DryRunOption } from './dry-run.js';
import { exitWith, print, printable, printJson } from './output.js';
import { stoppedGroup } from './stopped-group.js';

/** What a person may decide about a stopped group. */
export interface GroupDecision {
  readonly name: string;
  readonly description: string;
  readonly state: 'resuming' | 'skipping';
  readonly decide: (table: FailureTable, sqs: SQSClient, decision: Decision) => Promise<StoppedGroup>;
  /** What now happens to the group with its head, such as `is tried again from`. */
  readonly done: string;
}

interface DecisionOptions extends ConsumerOptions, DryRunOption {
  readonly reason: string;
}

/** A command whose one argument may be left out for `--all`. */
interface ForAllOptions extends DecisionOptions {
  readonly all?: boolean;
}

/** Adds the command of a decision about one group. */
export function addGroupDecision(program: Command, decision: GroupDecision): Command {
  return decisionCommand(program, decision)
    .argument('<group>', 'MessageGroupId, or the stream that groups --json prints')
    .addHelpText('after', '\nExit codes: 0 decided, and the consumer has been told; 2 could not run.')
    .action(async (named: string, options: DecisionOptions) => {
      using connection = await Connection.open(options);
      const group = await decideOne(connection, await stoppedGroup(connection, named), decision, options);
      if (options.json) printJson(group);
      else print(decidedText(connection, group, decision, options));
    });
}

/** Adds the command of a decision about one group, or about all that stand still. */
export function addGroupsDecision(program: Command, decision: GroupDecision): void {
  decisionCommand(program, decision)
    .argument('[group]', 'MessageGroupId, or the stream that groups --json prints')
    .option('--all', 'all groups of the consumer that stand still')
    .addHelpText(
      'after',
      '\nExit codes: 0 decided, and the consumer has been told; 1 with --all: of some it could not be; 2 could not run.',
    )
    .action(async (named: string | undefined, options: ForAllOptions) => {
      using connection = await Connection.open(options);
      if ((named === undefined) === (options.all !== true))
        throw new CliError('which group is not said: give its name, or --all');
      if (named === undefined) {
        await decideAll(connection, decision, options);
        return;
      }
      const group = await decideOne(connection, await stoppedGroup(connection, named), decision, options);
      if (options.json) printJson(group);
      else print(decidedText(connection, group, decision, options));
    });
}

function decisionCommand(program: Command, { name, description }: GroupDecision): Command {
  return addDryRun(addConsumerOptions(program.command(name)))
    .description(description)
    .requiredOption('--reason <text>', 'why you decide so: kept with the group');
}

/** @returns the group as it is now; of a dry run, as it is */
async function decideOne(
  connection: Connection,
  group: StoppedGroup,
  { decide, state }: GroupDecision,
  { reason, dryRun }: DecisionOptions,
): Promise<StoppedGroup> {
  if (dryRun) {
    assertDecidable(group, group, state);
    return group;
  }
  const { dynamodb: client, sqs, consumerName, receiptTable: tableName } = connection;
  return decide({ client, tableName }, sqs, { consumerName, stream: group.stream, reason });
}

/**
 * One after the other. What somebody else has decided about otherwise is said, and the rest goes on. A group that is
 * being resumed is told once more: whoever decided so may have died before the consumer was told.
 */
async function decideAll(
  connection: Connection,
  decision: GroupDecision,
  options: ForAllOptions,
): Promise<void> {
  const { dynamodb: client, consumerName, receiptTable: tableName } = connection;
  const standing: StoppedGroup[] = [];
  for await (const group of listGroups({ client, tableName }, consumerName)) standing.push(group);
  const decided: StoppedGroup[] = [];
  const not: { readonly stream: string; readonly because: string }[] = [];
  for (const group of standing)
    try {
      decided.push(await decideOne(connection, group, decision, options));
    } catch (error) {
      if (!(error instanceof GroupNotStopped)) throw error;
      not.push({ stream: group.stream, because: error.message });
    }
  if (not.length > 0) exitWith(1);
  if (options.json) printJson({ consumer: consumerName, dryRun: options.dryRun, decided, not });
  else if (standing.length === 0) print(`no group of '${consumerName}' stands still`);
  else
    print(
      [
        ...decided.map((group) => decidedText(connection, group, decision, options)),
        ...not.map(({ because }) => because),
      ].join('\n'),
    );
}

function decidedText(
  { consumerName }: Connection,
  { group, stream, head, state, parked, drained }: StoppedGroup,
  { done }: GroupDecision,
  { dryRun }: DryRunOption,
): string {
  const waiting = dryRun ? `, ${parked - drained} wait` : '';
  const [name, first] = [group ?? stream, head.key ?? head.messageId].map(printable);
  return `${inDryRun(dryRun)}group '${name}' of '${consumerName}' ${done} '${first}': ${state}${waiting}`;
}
