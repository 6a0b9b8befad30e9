import type { AttributeValue, ReturnValuesOnConditionCheckFailure } from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';
import { holds } from './condition-expression.js';
import { validation } from './dynamo-errors.js';
import { assertItemFits } from './dynamo-limits.js';
import type { DynamoTable, DynamoTables } from './dynamo-table.js';
import { Placeholders } from './placeholders.js';
import { updated } from './update-expression.js';

/** What the inputs of PutItem, UpdateItem, DeleteItem and the actions of TransactWriteItems have in common. */
export interface ActionInput {
  TableName?: string;
  Key?: Record<string, AttributeValue>;
  Item?: Record<string, AttributeValue>;
  ConditionExpression?: string;
  UpdateExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
  ReturnValuesOnConditionCheckFailure?: ReturnValuesOnConditionCheckFailure;
}

export type ActionKind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck';

/** One conditional change of one row, found to be well-formed. */
export interface Action {
  readonly table: DynamoTable;
  readonly rowId: string;
  readonly returnsOld: boolean;
  readonly permits: (item: Item | undefined) => boolean;
  /** What the row becomes. @throws ValidationException when the update does not fit what is stored. */
  readonly after: (item: Item | undefined) => Item | undefined;
}

/** @throws ValidationException, ResourceNotFoundException */
export function actionOf(kind: ActionKind, input: ActionInput, tables: DynamoTables): Action {
  const { Item: item, Key: key, ConditionExpression: condition, UpdateExpression: update } = input;
  const table = tables.get(input.TableName);
  const source = kind === 'Put' ? item : key;
  if (source === undefined) throw validation('The request names no item');
  if (kind === 'ConditionCheck' && condition === undefined)
    throw validation('A condition check needs a condition');
  const rowId = table.rowId(source, kind !== 'Put');
  const given = new Placeholders(input.ExpressionAttributeNames, input.ExpressionAttributeValues);
  const action: Action = {
    table,
    rowId,
    returnsOld: input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
    permits: (before) => condition === undefined || holds(condition, before, given),
    after: (before) => {
      if (kind === 'Put') return item;
      if (kind === 'Delete') return undefined;
      if (kind === 'ConditionCheck') return before;
      const after = update === undefined ? { ...key, ...before } : updated(update, source, before, given);
      assertItemFits(after, false);
      return after;
    },
  };
  // On no item at all: an expression that is none is refused before anything is looked up.
  action.permits(undefined);
  action.after(undefined);
  return action;
}
