import { SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import type { Group } from '../../runtime/dedup/group.js';
import { decidePostgresGroup, listPostgresGaps, listPostgresGroups } from '../../runtime/postgres/index.js';
import { assertDecidable } from '../../runtime/sqs/decide-group.js';
import { CliError } from '../cli-error.js';
import { clientSettings } from '../connection.js';
import { addDryRun, inDryRun, type DryRunOption } from '../dry-run.js';
import { gapsTable } from '../gaps-table.js';
import { groupsTable } from '../groups-table.js';
import { exitWith, print, printJson } from '../output.js';
import { addUrl, withTables, type DatabaseOptions, type DatabasePool } from '../postgres/database.js';

interface OfConsumer extends DatabaseOptions {
  readonly consumer: string;
}

interface DecisionOptions extends OfConsumer, DryRunOption {
  readonly reason: string;
  readonly region?: string;
  readonly endpoint?: string;
}

const addConsumer = (command: Command) =>
  addUrl(command).requiredOption('--consumer <name>', 'consumerName of the consumer');

/** Adds `postgres groups`, `postgres resume` and `postgres skip`. */
export function addPostgresGroups(postgres: Command): void {
  addConsumer(postgres.command('groups'))
    .description('Lists the groups that stand still after a failure.')
    .addHelpText('after', '\nExit codes: 0 no group stands still, 1 some do, 2 could not run.')
    .action(async ({ url, json, consumer }: OfConsumer) =>
      withTables(url, async (pool) => {
        const groups = await listPostgresGroups(pool, consumer);
        if (groups.length > 0) exitWith(1);
        if (json) printJson({ consumer, groups: groups.map(shown) });
        else
          print(
            groups.length === 0
              ? `no group of '${consumer}' stands still`
              : groupsTable(groups, 'in early_events'),
          );
      }),
    );
  addDecision(postgres, 'resume', {
    ...{ state: 'resuming', done: 'is tried again from' },
    says: 'Tries the message that a group stopped at again, and then what waits behind it, in order.',
  });
  addDecision(postgres, 'skip', {
    ...{ state: 'skipping', done: 'goes on behind' },
    says: 'Passes over the message that a group stopped at, and goes on with what waits behind it, in order.',
  });
}

/** Adds `postgres gaps`. */
export function addPostgresGaps(postgres: Command): void {
  addConsumer(postgres.command('gaps'))
    .description('Lists the versions that have not come while later ones of their aggregate wait for them.')
    .addHelpText('after', '\nExit codes: 0 no version is missing, 1 some are, 2 could not run.')
    .action(async ({ url, json, consumer }: OfConsumer) =>
      withTables(url, async (pool) => {
        const gaps = await listPostgresGaps(pool, consumer);
        if (gaps.length > 0) exitWith(1);
        if (json) printJson({ consumer, gaps });
        else print(gaps.length === 0 ? `no version is missing for '${consumer}'` : gapsTable(gaps));
      }),
    );
}

interface PostgresDecision {
  readonly state: 'resuming' | 'skipping';
  /** What now happens to the group with its head. */
  readonly done: string;
  readonly says: string;
}

function addDecision(postgres: Command, name: string, { state, done, says }: PostgresDecision): void {
  addDryRun(addConsumer(postgres.command(name)))
    .description(says)
    .argument('<group>', 'MessageGroupId, or the stream that groups --json prints')
    .requiredOption('--reason <text>', 'why you decide so: kept with the group')
    .option('--region <region>', 'AWS Region of the queue (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .addHelpText('after', '\nExit codes: 0 decided, and the consumer has been told; 2 could not run.')
    .action(async (named: string, options: DecisionOptions) =>
      withTables(options.url, async (pool) => {
        const { consumer, reason, dryRun, json } = options;
        const found = await groupOf(pool, consumer, named);
        if (dryRun) assertDecidable(found, { consumerName: consumer, stream: found.stream }, state);
        const group = dryRun ? found : await decide(pool, found.stream, { consumer, reason, state }, options);
        if (json) printJson(shown(group));
        else
          print(
            `${inDryRun(dryRun)}group '${named}' of '${consumer}' ${done} '${group.head.key ?? group.head.messageId}': ${group.state}`,
          );
      }),
    );
}

/** What a person is shown: the token is of the library's own writes. */
function shown(group: Group): Partial<Group> {
  return { ...group, token: undefined };
}

/** @throws CliError when no stopped group is called so, or more than one */
async function groupOf(pool: DatabasePool, consumer: string, named: string): Promise<Group> {
  const found = (await listPostgresGroups(pool, consumer)).filter(
    ({ group, stream }) => stream === named || group === named,
  );
  const [only, ...others] = found;
  if (only === undefined)
    throw new CliError(
      `no group '${named}' of '${consumer}' stands still: postgres groups lists those that do`,
    );
  if (others.length > 0)
    throw new CliError(
      `${found.length} groups are called '${named}': give one of the streams ${found.map(({ stream }) => stream).join(' ')}`,
    );
  return only;
}

async function decide(
  pool: DatabasePool,
  stream: string,
  { consumer, reason, state }: Pick<DecisionOptions, 'consumer' | 'reason'> & Pick<PostgresDecision, 'state'>,
  options: DecisionOptions,
): Promise<Group> {
  const sqs = new SQSClient(clientSettings(options));
  try {
    return await decidePostgresGroup(pool, sqs, { consumerName: consumer, stream, reason }, state);
  } finally {
    sqs.destroy();
  }
}
