import type { AttributeValue, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { aggregateUnchanged, conditional } from './conditions.js';
import { InvalidWrite } from '../dedup/errors.js';
import { isSameValue } from '../dedup/same-value.js';
import { deepFreeze, type Aggregate } from '../dedup/fold.js';
import { ledgerText, parseLedger } from '../dedup/ledger.js';
import { marshalled, nativeRow, type ItemAddress, type Row, type Table } from './table.js';
import { Clauses } from './write.js';

/** Attributes of ours in an aggregate's item, beside the key and the state. */
const ledgerAttribute = 'xo';
const tokenAttribute = 'xoToken';

/** An aggregate as it was last seen in the table. */
export interface SeenAggregate extends Aggregate<Row> {
  /** Token of the write that made it so. Undefined: no item, or one that no consumer has written yet. */
  readonly token: string | undefined;
}

/** Nothing is stored yet. */
export const unseen: SeenAggregate = { state: undefined, ledger: new Map(), token: undefined };

/** @throws NewerRow when a newer version of this library wrote the item (R17). */
export function readAggregate(
  table: Table,
  address: ItemAddress,
  item: Record<string, AttributeValue>,
): SeenAggregate {
  const { [ledgerAttribute]: ledger, [tokenAttribute]: token, ...rest } = item;
  const state = Object.fromEntries(Object.entries(nativeRow(rest)).filter(([name]) => !isKey(table, name)));
  return {
    state: Object.keys(state).length === 0 && token === undefined ? undefined : deepFreeze(state),
    ledger: ledger?.S === undefined ? new Map() : parseLedger(ledger.S, address.id),
    token: token?.S,
  };
}

/**
 * The one write that takes an aggregate from what was seen to what was folded. Only attributes that differ are written: those of
 * somebody else stay.
 *
 * @throws InvalidWrite when the new state holds what DynamoDB cannot, or names an attribute of the key or of ours.
 */
export function aggregateWrite(
  table: Table,
  address: ItemAddress,
  seen: SeenAggregate,
  after: Aggregate<Row>,
  token: string,
): UpdateItemCommandInput {
  const next = after.state ?? {};
  const previous = seen.state ?? {};
  const clauses = new Clauses();
  const set = (name: string, value: AttributeValue) =>
    clauses.add('SET', `${clauses.name(name)} = ${clauses.value(value)}`);
  const taken = Object.keys(next).find(
    (name) => isKey(table, name) || name === ledgerAttribute || name === tokenAttribute,
  );
  if (taken !== undefined)
    throw new InvalidWrite(
      table.name,
      `the state may not have an attribute '${taken}'; it belongs to the item itself`,
    );
  const values = marshalled(table, next);
  for (const [name, value] of Object.entries(values))
    if (!isSameValue(previous[name], next[name])) set(name, value);
  for (const name of Object.keys(previous))
    if (values[name] === undefined) clauses.add('REMOVE', clauses.name(name));
  set(ledgerAttribute, { S: ledgerText(after.ledger) });
  set(tokenAttribute, { S: token });
  const condition = aggregateUnchanged(seen.token);
  return {
    TableName: table.name,
    Key: address.key,
    UpdateExpression: clauses.text(),
    ExpressionAttributeNames: { ...condition.names, ...clauses.names },
    ExpressionAttributeValues: { ...condition.values, ...clauses.values },
    ...conditional(condition),
    ReturnConsumedCapacity: 'TOTAL',
  };
}

/** The token of the write that made the item as it is. */
export function tokenOf(item: Record<string, AttributeValue>): string | undefined {
  return item[tokenAttribute]?.S;
}

function isKey(table: Table, name: string): boolean {
  return name === table.partitionKey || name === table.sortKey;
}
