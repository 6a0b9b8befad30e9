import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { InvalidSettings, InvalidWrite, UnserialisableValue } from '../dedup/error.js';
import { maxItemBytes, stored, type Attributes, type Stored } from './attribute-value.js';

/** A row's attributes as native values. Integers beyond 2^53 are `bigint`. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * A DynamoDB table that handlers write to. Naming the key attributes lets the runtime see when two messages meet on
 * one item.
 */
export interface Table {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey?: string;
}

/**
 * @throws InvalidSettings when the name or the partition key is empty: usually an environment variable that is not
 *   set.
 */
export function table(definition: Table): Table {
  const problems = [];
  if (!definition.name) problems.push('table name is empty; is its environment variable set?');
  if (!definition.partitionKey) problems.push(`partitionKey of table '${definition.name}' is empty`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  return definition;
}

/** An item's whole address: equal exactly when two writes are on one item. */
export interface ItemAddress {
  readonly tableName: string;
  readonly key: Record<string, AttributeValue>;
  /** Table and key as text, for comparing and for messages. */
  readonly id: string;
}

/** DynamoDB's limits for the two parts of a key, in bytes. */
const maxKeyBytes = [2048, 1024] as const;

/**
 * @throws InvalidWrite when a key attribute is missing, is no string, number or binary, or is empty, too long, or no
 * valid text.
 */
export function addressOf(table: Table, row: Row): ItemAddress {
  const given = keyAttributes(table).map((name) => [name, Object.hasOwn(row, name) ? row[name] : undefined]);
  return addressIn(table, storedIn(table, Object.fromEntries(given) as Row).item);
}

/** The address of an item that is marshalled already. @throws InvalidWrite see {@link addressOf}. */
export function addressIn(table: Table, item: Readonly<Attributes>): ItemAddress {
  const key: Attributes = {};
  const texts = [table.name];
  for (const [i, name] of keyAttributes(table).entries()) {
    const value = attributeOf(item, name);
    const problem = keyProblem(value, maxKeyBytes[i] ?? 0);
    if (value === undefined || problem !== undefined)
      throw new InvalidWrite(table.name, `key attribute '${name}' ${problem}`);
    key[name] = value;
    texts.push(keyText(value));
  }
  return { tableName: table.name, key, id: JSON.stringify(texts) };
}

function keyAttributes({ partitionKey, sortKey }: Table): string[] {
  return sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
}

function keyProblem(value: AttributeValue | undefined, most: number): string | undefined {
  if (value?.N !== undefined) return undefined;
  const bytes = value?.S ?? value?.B;
  if (bytes === undefined) return `must be a string, number or binary, got ${typeName(value)}`;
  if (bytes.length === 0) return 'is empty';
  // UTF-8 writes every lone surrogate as the same three bytes, so two different keys would become one.
  if (typeof bytes === 'string' && !bytes.isWellFormed())
    return 'holds a lone surrogate, which UTF-8 cannot represent';
  const size = Buffer.byteLength(bytes);
  return size > most ? `has ${size} bytes, DynamoDB allows ${most}; use a hash of it` : undefined;
}

function typeName(value: AttributeValue | undefined): string {
  return value === undefined ? 'undefined' : (Object.keys(value)[0] ?? 'undefined');
}

/**
 * @throws InvalidWrite for what DynamoDB cannot hold, and for integers that a JavaScript number holds only roughly.
 */
export function marshalled(table: Table, row: Row): Attributes {
  return storedIn(table, row).item;
}

/** The same with its size. @throws InvalidWrite also when it is larger than an item may be. */
export function storedIn({ name }: Table, row: Row): Stored {
  try {
    const { item, bytes } = stored(row);
    assertFits(name, bytes);
    return { item, bytes };
  } catch (cause) {
    if (!(cause instanceof UnserialisableValue)) throw cause;
    throw new InvalidWrite(name, `attribute '${cause.path}' cannot be stored: ${cause.problem}`, { cause });
  }
}

/** @throws InvalidWrite when an item of this size cannot be stored. */
export function assertFits(tableName: string, bytes: number): void {
  if (bytes > maxItemBytes)
    throw new InvalidWrite(
      tableName,
      `the item has ${bytes} bytes with its attribute names, DynamoDB allows ${maxItemBytes}; keep large values elsewhere`,
    );
}

function keyText(value: AttributeValue): string {
  if (value.S !== undefined) return `S:${value.S}`;
  if (value.N !== undefined) return `N:${value.N}`;
  return `B:${Buffer.from(value.B ?? []).toString('base64')}`;
}

/** Not `item[name]`: an attribute may be called as something that every object has. */
export function attributeOf(
  item: Readonly<Record<string, AttributeValue | undefined>> | undefined,
  name: string,
): AttributeValue | undefined {
  return item && Object.hasOwn(item, name) ? item[name] : undefined;
}
