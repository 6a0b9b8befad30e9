import {
  BatchGetItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import {
  aggregateUnchanged,
  receiptAbsent,
  receiptOutlived,
  rowAbsent,
  type Condition,
} from '../../runtime/dynamodb/conditions.js';

export type Command =
  | PutItemCommand
  | UpdateItemCommand
  | DeleteItemCommand
  | GetItemCommand
  | BatchGetItemCommand
  | TransactWriteItemsCommand;

/** A request for one of a few rows, so that requests meet: the table's name and the rows' prefix come later. */
export type Draft = (table: string, prefix: string) => Command;

const number = fc.integer({ min: -3, max: 3 }).map((n) => ({ N: String(n) }));
const text = fc.constantFrom('', 'a', 'b').map((S) => ({ S }));
const value: fc.Arbitrary<AttributeValue> = fc.oneof(number, text);
const attribute = fc.constantFrom('value', 'expiration', 'xoToken');

/** The runtime's own conditions, and those that handlers write. */
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom(receiptAbsent(), rowAbsent('id'), aggregateUnchanged(undefined), aggregateUnchanged('a')),
  fc.integer({ min: -3, max: 3 }).map(receiptOutlived),
  fc
    .tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>='), attribute, value)
    .map(([operator, name, given]) => ({
      expression: `#a ${operator} :v`,
      names: { '#a': name },
      values: { ':v': given },
    })),
  fc
    .tuple(fc.constantFrom('AND', 'OR'), fc.boolean(), attribute, number)
    .map(([operator, negated, name, given]) => ({
      expression: `attribute_exists(id) ${operator} ${negated ? 'NOT ' : ''}(#a >= :v)`,
      names: { '#a': name },
      values: { ':v': given },
    })),
  // Mistakes: a placeholder that nobody explains, and one that nobody needs.
  fc.constantFrom(
    { expression: 'attribute_exists(#nobody)' },
    { expression: 'attribute_exists(id)', values: { ':unused': { N: '1' } } },
  ),
);

interface Change {
  readonly expression: string;
  readonly names: Record<string, string>;
  readonly values: Record<string, AttributeValue>;
}

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(attribute, value).map(([name, given]) => ({
    expression: 'SET #s = :s',
    names: { '#s': name },
    values: { ':s': given },
  })),
  fc.tuple(attribute, number).map(([name, by]) => ({
    expression: 'ADD #s :s',
    names: { '#s': name },
    values: { ':s': by },
  })),
  fc.tuple(number, text).map(([by, given]) => ({
    expression: 'SET #s = :s ADD #n :n REMOVE #r',
    names: { '#s': 'xoToken', '#n': 'value', '#r': 'expiration' },
    values: { ':s': given, ':n': by },
  })),
);

type Action = (table: string, prefix: string) => TransactWriteItem;

const row = fc.nat(2);
const optional = fc.option(condition, { nil: undefined });

function given(test: Condition | undefined, old: boolean, update?: Change) {
  const names = { ...test?.names, ...update?.names };
  const values = { ...test?.values, ...update?.values };
  return {
    ConditionExpression: test?.expression,
    ExpressionAttributeNames: Object.keys(names).length > 0 ? names : undefined,
    ExpressionAttributeValues: Object.keys(values).length > 0 ? values : undefined,
    ReturnValuesOnConditionCheckFailure: old ? ('ALL_OLD' as const) : undefined,
  };
}

const put: fc.Arbitrary<Action> = fc
  .tuple(row, fc.dictionary(attribute, value, { maxKeys: 2 }), optional, fc.boolean())
  .map(([n, item, test, old]) => (TableName, prefix) => ({
    Put: { TableName, Item: { ...item, id: { S: `${prefix}${n}` } }, ...given(test, old) },
  }));
const update: fc.Arbitrary<Action> = fc
  .tuple(row, change, optional, fc.boolean())
  .map(([n, changed, test, old]) => (TableName, prefix) => ({
    Update: {
      TableName,
      Key: { id: { S: `${prefix}${n}` } },
      UpdateExpression: changed.expression,
      ...given(test, old, changed),
    },
  }));
const remove: fc.Arbitrary<Action> = fc
  .tuple(row, optional, fc.boolean())
  .map(([n, test, old]) => (TableName, prefix) => ({
    Delete: { TableName, Key: { id: { S: `${prefix}${n}` } }, ...given(test, old) },
  }));
const check: fc.Arbitrary<Action> = fc
  .tuple(row, condition, fc.boolean())
  .map(([n, test, old]) => (TableName, prefix) => ({
    ConditionCheck: {
      TableName,
      Key: { id: { S: `${prefix}${n}` } },
      ...given(test, old),
      ConditionExpression: test.expression,
    },
  }));

const single: fc.Arbitrary<Draft> = fc.oneof(put, update, remove).map((action) => (table, prefix) => {
  const { Put, Update, Delete } = action(table, prefix);
  if (Put !== undefined) return new PutItemCommand(Put);
  if (Update !== undefined) return new UpdateItemCommand(Update);
  return new DeleteItemCommand({ TableName: table, Key: {}, ...Delete });
});
const transaction: fc.Arbitrary<Draft> = fc
  .array(fc.oneof(put, update, remove, check), { minLength: 1, maxLength: 3 })
  .map(
    (actions) => (table, prefix) =>
      new TransactWriteItemsCommand({ TransactItems: actions.map((action) => action(table, prefix)) }),
  );
/**
 * A token that others use too, for the same request or for another one. Valid requests only: which fault is named
 * first is not documented.
 */
const namedTransaction: fc.Arbitrary<Draft> = fc
  .tuple(fc.subarray([0, 1, 2], { minLength: 1 }), value, fc.boolean(), fc.nat(2))
  .map(
    ([rows, given, fails, token]) =>
      (TableName, prefix) =>
        new TransactWriteItemsCommand({
          TransactItems: rows.map((n) => ({
            Put: {
              TableName,
              Item: { id: { S: `${prefix}${n}` }, value: given },
              ConditionExpression: fails ? 'attribute_exists(nothing)' : undefined,
            },
          })),
          // At most 36 characters.
          ClientRequestToken: `${prefix.slice(0, 30)}${token}`,
        }),
  );
const read: fc.Arbitrary<Draft> = row.map(
  (n) => (TableName, prefix) =>
    new GetItemCommand({ TableName, Key: { id: { S: `${prefix}${n}` } }, ConsistentRead: true }),
);
const batchRead: fc.Arbitrary<Draft> = fc.subarray([0, 1, 2], { minLength: 1 }).map(
  (rows) => (table, prefix) =>
    new BatchGetItemCommand({
      RequestItems: {
        [table]: { Keys: rows.map((n) => ({ id: { S: `${prefix}${n}` } })), ConsistentRead: true },
      },
    }),
);

/** Some drafts come twice in a row: a second sending. */
export const requests: fc.Arbitrary<Draft[]> = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 4, arbitrary: single },
        { weight: 4, arbitrary: transaction },
        namedTransaction,
        read,
        batchRead,
      ),
      fc.boolean(),
    ),
    { minLength: 1, maxLength: 14 },
  )
  .map((drafts) => drafts.flatMap(([draft, twice]) => (twice ? [draft, draft] : [draft])));
