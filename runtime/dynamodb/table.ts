import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { canonicalJson } from '../dedup/fingerprint.js';
import { InvalidSettings, InvalidWrite } from '../dedup/errors.js';

/** A row's attributes as native values. Integers beyond 2^53 are `bigint`. */
export type Row = Readonly<Record<string, unknown>>;

/** A DynamoDB table that handlers write to. Naming the key attributes lets the runtime see when two messages meet on one item. */
export interface Table {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey?: string;
}

/**
 * @throws InvalidSettings when the name or the partition key is empty: usually an environment variable that is not set.
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

/** @throws InvalidWrite when a key attribute is missing, or no string, number or binary. */
export function addressOf(table: Table, row: Row): ItemAddress {
  const attributes = table.sortKey === undefined ? [table.partitionKey] : [table.partitionKey, table.sortKey];
  const key: Record<string, AttributeValue> = {};
  for (const attribute of attributes) {
    const value = marshalled(table, { [attribute]: row[attribute] })[attribute];
    if (value?.S === undefined && value?.N === undefined && value?.B === undefined)
      throw new InvalidWrite(
        table.name,
        `key attribute '${attribute}' must be a string, number or binary, got ${typeof row[attribute]}`,
      );
    if (value.S === '') throw new InvalidWrite(table.name, `key attribute '${attribute}' is empty`);
    key[attribute] = value;
  }
  const text = attributes.map((attribute) => keyText(key[attribute]));
  return { tableName: table.name, key, id: canonicalJson([table.name, ...text]) };
}

/** @throws InvalidWrite for values DynamoDB cannot hold, and for integers that a JavaScript number holds only roughly. */
export function marshalled(table: Table, row: Row): Record<string, AttributeValue> {
  try {
    return marshall(row, { removeUndefinedValues: true, convertClassInstanceToMap: false });
  } catch (cause) {
    throw new InvalidWrite(table.name, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function keyText(value: AttributeValue | undefined): string {
  if (value?.S !== undefined) return `S:${value.S}`;
  if (value?.N !== undefined) return `N:${value.N}`;
  return `B:${Buffer.from(value?.B ?? []).toString('base64')}`;
}

/** Not `item[name]`: an attribute may be called as something that every object has. */
export function attributeOf(
  item: Readonly<Record<string, AttributeValue>> | undefined,
  name: string,
): AttributeValue | undefined {
  return item && Object.hasOwn(item, name) ? item[name] : undefined;
}

/** An item as native values. Numbers that a JavaScript number holds exactly are numbers, longer ones bigint or text: none is rounded. */
export function nativeRow(item: Record<string, AttributeValue>): Row {
  return unmarshall(item, { wrapNumbers: exactNumber });
}

function exactNumber(text: string): number | bigint | string {
  const value = Number(text);
  if (Number.isSafeInteger(value) || String(value) === text) return value;
  return /^-?\d+$/.test(text) ? BigInt(text) : text;
}
