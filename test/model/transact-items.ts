import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { actionOf, type Action, type ActionKind } from './dynamo-action.js';
import { cancelled, validation } from './dynamo-errors.js';
import { assertTransactionFits } from './dynamo-limits.js';
import type { DynamoTables } from './dynamo-table.js';
import { itemBytes } from './dynamo-values.js';

const kinds: readonly ActionKind[] = ['Put', 'Update', 'Delete', 'ConditionCheck'];

/**
 * @throws ValidationException for an action that can never be. How many there may be, and on what, is looked at
 * before.
 */
export function transactActionsOf(items: readonly TransactWriteItem[], tables: DynamoTables): Action[] {
  return items.map((item) => {
    const [kind, ...others] = kinds.filter((name) => item[name] !== undefined);
    if (kind === undefined || others.length > 0)
      throw validation('TransactItems can only contain one of Check, Put, Update or Delete');
    return actionOf(kind, item[kind] ?? {}, tables);
  });
}

/**
 * The answer to a transaction that cannot be made now: one reason per action, in their order. Undefined when it can.
 */
export function reasonsAgainst(actions: readonly Action[]): Error | undefined {
  const reasons = actions.map(reasonAgainst);
  return reasons.every(({ Code }) => Code === 'None') ? undefined : cancelled(reasons);
}

/**
 * Counts what is there as well as what it becomes, whichever is more: AWS does not say which of the two its 4 MB are
 * of.
 *
 * @throws ValidationException
 */
export function assertFitsTogether(actions: readonly Action[]): void {
  assertTransactionFits(
    actions.map(({ table, rowId, after }) => {
      const [before = {}, next = {}] = [table.read(rowId), after(table.read(rowId))];
      return itemBytes(before) > itemBytes(next) ? before : next;
    }),
  );
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
