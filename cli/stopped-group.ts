import { listGroups, type StoppedGroup } from '../runtime/dynamodb/groups.js';
import { CliError } from './cli-error.js';
import type { Connection } from './connection.js';

/**
 * The group that an operator names, by its MessageGroupId or by the stream that `groups --json` prints.
 *
 * @throws CliError when no stopped group is called so, or more than one.
 */
export async function stoppedGroup(connection: Connection, name: string): Promise<StoppedGroup> {
  const { dynamodb, consumerName } = connection;
  const table = { client: dynamodb, tableName: connection.receiptTable };
  const found: StoppedGroup[] = [];
  for await (const group of listGroups(table, consumerName)) {
    if (group.stream === name) return group;
    if (group.group === name) found.push(group);
  }
  const [only, ...others] = found;
  if (only === undefined)
    throw new CliError(`no group '${name}' of '${consumerName}' stands still: see the command groups`);
  if (others.length > 0)
    throw new CliError(
      `'${name}' names ${found.length} groups: give one of the streams ${found.map(({ stream }) => `'${stream}'`).join(', ')}`,
    );
  return only;
}
