import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { numberProblem, numberText, type Attributes as Item } from './attribute-value.js';
import { allOf, conditional, unchanged, type Seen } from './commit-conditions.js';
import type { Condition } from './condition.js';
import { maxExpressionBytes } from './expression.js';
import { InvalidWrite } from '../dedup/error.js';
import { isSameValue } from '../dedup/same-value.js';
import {
  addressIn,
  addressOf,
  marshalled,
  storedIn,
  type ItemAddress,
  type Row,
  type Table,
} from './table.js';

/** A condition of the handler's own, in DynamoDB's expression language; values are native. */
export interface WriteCondition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Row;
}

/** What an update changes. At least one of `add`, `set` and `remove`. */
export interface Change {
  /** Increments, created at 0. Increments of one item by several messages of a batch are summed into one write. */
  readonly add?: Readonly<Record<string, number | bigint>>;
  /** Attributes to overwrite. */
  readonly set?: Row;
  /** Attributes to remove. */
  readonly remove?: readonly string[];
  readonly condition?: WriteCondition;
}

/** One write of one message, ready to be sent: everything that can be wrong with it has been found by now. */
export type Write = {
  readonly address: ItemAddress;
  readonly condition?: Condition;
  /** What `tx.get` returned of this item, by attribute; the write holds only while it is so (R13). */
  readonly seen?: Seen;
  /** What it brings along, as DynamoDB counts. @default - next to nothing */
  readonly bytes?: number;
} & (
  | { readonly kind: 'put'; readonly item: Attributes }
  | { readonly kind: 'delete' | 'check' }
  | {
      readonly kind: 'update';
      readonly add: Readonly<Record<string, number | bigint>>;
      readonly set: Attributes;
      readonly remove: readonly string[];
    }
);

type Attributes = Readonly<Item>;

export function putOf(table: Table, item: Row, condition: Condition | undefined): Write {
  const { item: attributes, bytes } = storedIn(table, item);
  return { kind: 'put', address: addressIn(table, attributes), item: attributes, bytes, condition };
}

export function updateOf(table: Table, key: Row, change: Change): Write {
  const { add = {}, set = {}, remove = [] } = change;
  const changed = [
    ...Object.keys(add),
    ...Object.keys(set).filter((name) => set[name] !== undefined),
    ...remove,
  ];
  if (changed.length === 0)
    throw new InvalidWrite(table.name, 'the update changes nothing; give `add`, `set` or `remove`');
  if (new Set(changed).size < changed.length) {
    const twice = changed.find((name, i) => changed.indexOf(name) !== i);
    throw new InvalidWrite(table.name, `attribute '${twice}' is changed twice in one update`);
  }
  const keyAttribute = changed.find((name) => name === table.partitionKey || name === table.sortKey);
  if (keyAttribute !== undefined)
    throw new InvalidWrite(table.name, `attribute '${keyAttribute}' is part of the key and cannot change`);
  for (const [name, value] of Object.entries(add))
    if (numberText(value) === undefined)
      throw new InvalidWrite(table.name, `increment of '${name}' cannot be stored: ${numberProblem(value)}`);
  const { item, bytes } = storedIn(table, set);
  return {
    kind: 'update',
    address: addressOf(table, key),
    add,
    set: item,
    bytes: bytes + 64 * Object.keys(add).length,
    remove,
    condition: conditionOf(table, change.condition),
  };
}

export function conditionOf(table: Table, condition: WriteCondition | undefined): Condition | undefined {
  if (condition === undefined) return undefined;
  const { expression, names, values } = condition;
  const own = Object.keys({ ...names, ...values }).find((placeholder) => /^[#:]x[os]/.test(placeholder));
  if (own !== undefined)
    throw new InvalidWrite(table.name, `placeholder '${own}' of the condition begins like ours; rename it`);
  if (Buffer.byteLength(expression) > maxExpressionBytes) throw tooLong(table.name, 'condition', expression);
  return { ...condition, values: condition.values && marshalled(table, condition.values) };
}

/**
 * Two writes on one item as a single one, or undefined where that would change their meaning. Only bare increments
 * are summed, and only where the sum is exact: integers (0.1 + 0.2 is not 0.3). Of two that have only read the item,
 * the second one adds what else it saw, unless they saw different things.
 */
export function summed(a: Write, b: Write): Write | undefined {
  if (isBareCheck(a) && isBareCheck(b))
    return Object.keys(a.seen).some(
      (name) => Object.hasOwn(b.seen, name) && !isSameValue(a.seen[name], b.seen[name]),
    )
      ? undefined
      : { ...a, seen: { ...a.seen, ...b.seen } };
  if (!isBareIncrement(a) || !isBareIncrement(b)) return undefined;
  // Not an object that is assigned to: an attribute may be called `__proto__`.
  const add = new Map(Object.entries(a.add));
  for (const [name, value] of Object.entries(b.add)) {
    const before = add.get(name);
    if (before === undefined) add.set(name, value);
    else if (isExact(before) && isExact(value)) add.set(name, BigInt(before) + BigInt(value));
    else return undefined;
  }
  return { ...a, add: Object.fromEntries(add), bytes: (a.bytes ?? 0) + (b.bytes ?? 0) };
}

function isBareCheck(write: Write): write is Write & { kind: 'check'; seen: Seen } {
  return write.kind === 'check' && write.condition === undefined && write.seen !== undefined;
}

function isBareIncrement(write: Write): write is Write & { kind: 'update' } {
  return (
    write.kind === 'update' &&
    (write.condition ?? write.seen) === undefined &&
    write.remove.length === 0 &&
    Object.keys(write.set).length === 0
  );
}

function isExact(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

/** @throws InvalidWrite when the write needs an expression that is longer than DynamoDB allows. */
export function assertExpressible(write: Write): void {
  const { condition, seen = {}, address } = write;
  const parts =
    write.kind === 'update'
      ? Object.keys(write.set).length + Object.keys(write.add).length + write.remove.length
      : 0;
  // At most so many bytes: hardly ever has the expression to be made to know.
  const most = 3 * (condition?.expression.length ?? 0) + 40 * Object.keys(seen).length;
  if (most < maxExpressionBytes && 20 + 14 * parts < maxExpressionBytes) return;
  const action = actionOf(write);
  for (const part of Object.values(action))
    for (const [name, text] of Object.entries(part as Record<string, unknown>))
      if (
        name.endsWith('Expression') &&
        typeof text === 'string' &&
        Buffer.byteLength(text) > maxExpressionBytes
      )
        throw tooLong(address.tableName, name, text);
}

function tooLong(tableName: string, name: string, text: string): InvalidWrite {
  return new InvalidWrite(
    tableName,
    `its ${name} has ${Buffer.byteLength(text)} bytes, DynamoDB allows ${maxExpressionBytes}; ` +
      'read or change fewer attributes, or keep them inside one map',
  );
}

/** The write as one action of TransactWriteItems. */
export function actionOf(write: Write): TransactWriteItem {
  const { tableName: TableName, key: Key } = write.address;
  const condition = allOf([write.condition, write.seen && unchanged(write.seen)]);
  const { names, values } = condition ?? {};
  const target = { TableName, ...conditional(condition) };
  const given = {
    ExpressionAttributeNames: nonEmpty({ ...names }),
    ExpressionAttributeValues: nonEmpty({ ...values }),
  };
  switch (write.kind) {
    case 'put':
      return { Put: { ...target, ...given, Item: { ...write.item } } };
    case 'delete':
      return { Delete: { ...target, ...given, Key } };
    case 'check':
      // The type wants the expression, which `check` always has.
      return {
        ConditionCheck: { ...given, Key, ...target } as NonNullable<TransactWriteItem['ConditionCheck']>,
      };
    case 'update': {
      const clauses = new Clauses();
      for (const [name, value] of Object.entries(write.set))
        clauses.add('SET', `${clauses.name(name)}=${clauses.value(value)}`);
      for (const [name, value] of Object.entries(write.add))
        clauses.add('ADD', `${clauses.name(name)} ${clauses.value({ N: String(value) })}`);
      for (const name of write.remove) clauses.add('REMOVE', clauses.name(name));
      return {
        Update: {
          ...target,
          Key,
          UpdateExpression: clauses.text(),
          ExpressionAttributeNames: { ...names, ...clauses.names },
          ExpressionAttributeValues: nonEmpty({ ...values, ...clauses.values }),
        },
      };
    }
  }
}

/**
 * Collects an UpdateExpression with placeholders of its own (`#xo1`, `:xo1`), which a user's condition will hardly
 * use.
 */
export class Clauses {
  readonly names: Record<string, string> = {};
  readonly values: Record<string, AttributeValue> = {};
  readonly #clauses = new Map<string, string[]>();
  #names = 0;
  #values = 0;

  name(attribute: string): string {
    const placeholder = `#xo${(this.#names++).toString(36)}`;
    this.names[placeholder] = attribute;
    return placeholder;
  }
  value(value: AttributeValue): string {
    const placeholder = `:xo${(this.#values++).toString(36)}`;
    this.values[placeholder] = value;
    return placeholder;
  }
  add(verb: 'SET' | 'ADD' | 'REMOVE', clause: string): void {
    const clauses = this.#clauses.get(verb);
    if (clauses === undefined) this.#clauses.set(verb, [clause]);
    else clauses.push(clause);
  }
  text(): string {
    return [...this.#clauses].map(([verb, clauses]) => `${verb} ${clauses.join()}`).join(' ');
  }
}

function nonEmpty<T>(record: Record<string, T>): Record<string, T> | undefined {
  return Object.keys(record).length > 0 ? record : undefined;
}
