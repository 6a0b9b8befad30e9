import type { AttributeValue, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { InvalidWrite, StateTooLarge } from '../dedup/errors.js';
import { deepFreeze, type Aggregate } from '../dedup/fold.js';
import { ledgerText, parseLedger } from '../dedup/ledger.js';
import { isSameValue } from '../dedup/same-value.js';
import { aggregateUnchanged, conditional } from './commit-conditions.js';
import { native } from './native-value.js';
import { attributeBytes, itemBytes, maxItemBytes } from './item-size.js';
import { marshalled, type ItemAddress, type Row, type Table } from './table.js';

/** Attributes of ours in an aggregate's item, beside the key and the state. */
const ledgerAttribute = 'xo';
const tokenAttribute = 'xoToken';

/**
 * DynamoDB: the length of an expression.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#limits-expression-parameters
 */
const maxExpressionBytes = 4096;

/** An aggregate as it was last seen in the table. */
export interface SeenAggregate extends Aggregate<Row> {
  /** Token of the write that made it so. Undefined: no item, or one that no consumer has written yet. */
  readonly token: string | undefined;
  /** Bytes of each attribute of the state, its name included. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Of the whole item. */
  readonly bytes: number;
}

/** Nothing is stored yet. */
export const unseen: SeenAggregate = {
  state: undefined,
  ledger: new Map(),
  token: undefined,
  sizes: new Map(),
  bytes: 0,
};

/** @throws NewerRow when a newer version of this library wrote the item (R17). */
export function readAggregate(
  table: Table,
  address: ItemAddress,
  item: Record<string, AttributeValue>,
): SeenAggregate {
  const sizes = new Map<string, number>();
  const stored: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(item)) {
    if (isTaken(table, name)) continue;
    sizes.set(name, sizeOf(name, value));
    Object.defineProperty(stored, name, { value, enumerable: true });
  }
  const { [ledgerAttribute]: ledger, [tokenAttribute]: token } = item;
  return {
    state: sizes.size === 0 && token === undefined ? undefined : deepFreeze(native(stored)),
    ledger: ledger?.S === undefined ? new Map() : parseLedger(ledger.S, address.id),
    token: token?.S,
    sizes,
    bytes: itemBytes(item),
  };
}

/**
 * The one write that takes an aggregate from what was seen to what was folded, and what is then stored. Only
 * attributes that differ are written: those of somebody else stay.
 *
 * @throws InvalidWrite when the new state holds what DynamoDB cannot, or names an attribute of the key or of ours.
 * @throws StateTooLarge when the item or the write would have more bytes than DynamoDB takes.
 */
export function aggregateWrite(
  table: Table,
  address: ItemAddress,
  seen: SeenAggregate,
  after: Aggregate<Row>,
  token: string,
): { readonly input: UpdateItemCommandInput; readonly next: SeenAggregate } {
  const ledger = { S: ledgerText(after.ledger) };
  const { set, removed, sizes } = changes(table, seen, after.state ?? {});
  const condition = aggregateUnchanged(seen.token);
  const names: Record<string, string> = { ...condition.names, '#ledger': ledgerAttribute };
  const values: Record<string, AttributeValue> = {
    ...condition.values,
    ':ledger': ledger,
    ':next': { S: token },
  };
  // The shortest placeholders that there are, because the expression's length is bounded. Ours are longer than any of
  // these.
  let placeholders = 0;
  let expression = 'SET #ledger=:ledger,#token=:next';
  for (const name of Object.keys(set)) {
    const id = placeholder(placeholders++);
    names[`#${id}`] = name;
    values[`:${id}`] = set[name] as AttributeValue;
    expression += `,#${id}=:${id}`;
  }
  let verb = ' REMOVE ';
  for (const name of removed) {
    const id = placeholder(placeholders++);
    names[`#${id}`] = name;
    expression += `${verb}#${id}`;
    verb = ',';
  }
  let bytes = itemBytes(address.key) + sizeOf(ledgerAttribute, ledger) + tokenAttribute.length + token.length;
  for (const size of sizes.values()) bytes += size;
  if (bytes > maxItemBytes) throw new StateTooLarge('bytes of the item', bytes, maxItemBytes);
  if (expression.length > maxExpressionBytes)
    throw new StateTooLarge('bytes of the update expression', expression.length, maxExpressionBytes);
  return {
    input: {
      TableName: table.name,
      Key: address.key,
      UpdateExpression: expression,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ...conditional(condition),
      ReturnConsumedCapacity: 'TOTAL',
    },
    next: { ...after, token, sizes, bytes },
  };
}

/** The token of the write that made the item as it is. */
export function tokenOf(item: Record<string, AttributeValue>): string | undefined {
  return item[tokenAttribute]?.S;
}

/** Bytes of the state alone, which is what is left of an item when nothing is parked in it. */
export function stateBytes({ sizes }: SeenAggregate): number {
  let bytes = 0;
  for (const size of sizes.values()) bytes += size;
  return bytes;
}

/** Attributes of the state that have to be written. */
function changes(table: Table, seen: SeenAggregate, next: Row) {
  const previous = seen.state ?? {};
  if (next === previous) return { set: {} as Record<string, AttributeValue>, removed: [], sizes: seen.sizes };
  const differ: Record<string, unknown> = {};
  const sizes = new Map(seen.sizes);
  for (const name of Object.keys(next)) {
    if (isTaken(table, name))
      throw new InvalidWrite(
        table.name,
        `the state may not have an attribute '${name}'; it belongs to the item itself`,
      );
    const value = next[name];
    if (value === undefined) continue;
    const before = Object.hasOwn(previous, name) ? previous[name] : undefined;
    if (value !== before && !isSameValue(value, before))
      Object.defineProperty(differ, name, { value, enumerable: true });
  }
  const set = marshalled(table, differ);
  for (const name of Object.keys(differ)) {
    const value = Object.hasOwn(set, name) ? set[name] : undefined;
    if (value === undefined)
      throw new InvalidWrite(table.name, `attribute '${name}' holds a ${typeof differ[name]}`);
    sizes.set(name, sizeOf(name, value));
  }
  const removed: string[] = [];
  for (const name of Object.keys(previous))
    if (previous[name] !== undefined && (!Object.hasOwn(next, name) || next[name] === undefined)) {
      sizes.delete(name);
      removed.push(name);
    }
  return { set, removed, sizes };
}

/** a, b, ... z, a0, b0, ...: a letter first, and no two digits more than there have to be. */
function placeholder(n: number): string {
  const letter = String.fromCharCode(97 + (n % 26));
  return n < 26 ? letter : letter + (Math.floor(n / 26) - 1).toString(36);
}

function sizeOf(name: string, value: AttributeValue): number {
  return Buffer.byteLength(name) + attributeBytes(value);
}

function isTaken(table: Table, name: string): boolean {
  return (
    name === table.partitionKey ||
    name === table.sortKey ||
    name === ledgerAttribute ||
    name === tokenAttribute
  );
}
