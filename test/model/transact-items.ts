import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { actionOf, type Action, type ActionKind } from './dynamo-action.js';
import { cancelled, validation } from './dynamo-errors.js';
import type { DynamoTables } from './dynamo-table.js';

/** DynamoDB: at most 100 actions in one transaction. */
const maxActions = 100;
const kinds: readonly ActionKind[] = ['Put', 'Update', 'Delete', 'ConditionCheck'];

/** @throws ValidationException for a transaction that can never be: empty, too long, one item twice. */
export function transactActionsOf(items: readonly TransactWriteItem[], tables: DynamoTables): Action[] {
  if (items.length === 0 || items.length > maxActions)
    throw validation(
      `Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and ${maxActions}`,
    );
  const actions = items.map((item) => {
    const [kind, ...others] = kinds.filter((name) => item[name] !== undefined);
    if (kind === undefined || others.length > 0)
      throw validation('TransactItems can only contain one of Check, Put, Update or Delete');
    return actionOf(kind, item[kind] ?? {}, tables);
  });
  const taken = new Map<object, Set<string>>();
  for (const { table, rowId } of actions) {
    const rows = taken.get(table) ?? new Set();
    if (rows.has(rowId))
      throw validation('Transaction request cannot include multiple operations on one item');
    taken.set(table, rows.add(rowId));
  }
  return actions;
}

/** The answer to a transaction that cannot be made now: one reason per action, in their order. Undefined when it can. */
export function reasonsAgainst(actions: readonly Action[]): Error | undefined {
  const reasons = actions.map(reasonAgainst);
  return reasons.every(({ Code }) => Code === 'None') ? undefined : cancelled(reasons);
}

function reasonAgainst({ table, rowId, returnsOld, permits, after }: Action): CancellationReason {
  if (table.isHeld(rowId))
    return { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' };
  const before = table.read(rowId);
  if (!permits(before)) {
    const old = returnsOld && before !== undefined ? { Item: { ...before } } : {};
    return { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed', ...old };
  }
  try {
    after(before);
    return { Code: 'None' };
  } catch (error) {
    return { Code: 'ValidationError', Message: error instanceof Error ? error.message : String(error) };
  }
}
