import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';
import { validation } from './dynamo-errors.js';
import { assertExpressions, type Expressions } from './dynamo-expression-limits.js';
import { assertItemValues, itemBytes, maxItemBytes } from './dynamo-values.js';

/** Names of the key attributes of a table, the partition key first. Undefined where they are not known. */
export type KeysOf = (table: string | undefined) => readonly string[] | undefined;

/** What the inputs of requests on one item, and the actions of transactions, have in common. */
interface One extends Expressions {
  TableName?: string;
  Key?: Item;
  Item?: Item;
}
interface Request extends One {
  TransactItems?: readonly TransactWriteItem[];
  RequestItems?: Record<string, { Keys?: readonly Item[] } | readonly BatchWrite[]>;
  ClientRequestToken?: string;
}
interface BatchWrite {
  PutRequest?: { Item?: Item };
  DeleteRequest?: { Key?: Item };
}

const [maxActions, maxTransactionBytes, maxToken] = [100, 4 * 1024 * 1024, 36];
const [maxBatchKeys, maxBatchWrites] = [100, 25];
const [maxPartitionKeyBytes, maxSortKeyBytes] = [2048, 1024];

/**
 * Refuses a request that DynamoDB refuses whatever is stored: what it may hold, and how much of it. The emulators let
 * most of it pass. What an update makes of an item depends on what is there: {@link assertItemFits} and {@link
 * assertTransactionFits} are for who knows.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 * @param command name of the SDK's command, such as `PutItemCommand`
 * @throws ValidationException, SerializationException
 */
export function assertDynamoRequest(command: string, input: object, keysOf: KeysOf): void {
  const request = input as Request;
  if (command === 'BatchGetItemCommand') {
    assertBatchGet(request, keysOf);
    return;
  }
  if (command === 'BatchWriteItemCommand') {
    assertBatchWrite(request, keysOf);
    return;
  }
  if (command !== 'TransactWriteItemsCommand') {
    assertOne(request, keysOf);
    return;
  }
  const { TransactItems = [], ClientRequestToken: token } = request;
  if (TransactItems.length === 0 || TransactItems.length > maxActions)
    throw validation(
      `Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and ${maxActions}`,
    );
  if (token !== undefined && (token === '' || token.length > maxToken))
    throw validation(
      `Value at 'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and ${maxToken}`,
    );
  const actions = TransactItems.flatMap((item) => Object.values(item) as One[]);
  for (const action of actions) assertOne(action, keysOf);
  assertOneActionEach(actions, keysOf);
  assertTransactionFits(
    actions.map(({ Item, Key, ExpressionAttributeValues: values }) =>
      // Of an update, what it brings: less than what the item comes to.
      ({ ...(Item ?? Key), ...values }),
    ),
  );
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items */
export function assertItemFits(item: Item, isNew: boolean): void {
  if (itemBytes(item) > maxItemBytes)
    throw validation(
      isNew
        ? 'Item size has exceeded the maximum allowed size'
        : 'Item size to update has exceeded the maximum allowed size',
    );
}

/**
 * 4 MB in all. DynamoDB names no action: none alone is too big.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export function assertTransactionFits(items: readonly Item[]): void {
  const bytes = items.reduce((total, item) => total + itemBytes(item), 0);
  if (bytes > maxTransactionBytes)
    throw validation('The aggregate size of the items in the transaction exceeds 4 MB');
}

function assertOne(one: One, keysOf: KeysOf): void {
  const { TableName, Key, Item, ExpressionAttributeValues: values = {} } = one;
  assertExpressions(one);
  assertItemValues(values);
  if (Item !== undefined) {
    assertItemValues(Item);
    assertItemFits(Item, true);
  }
  assertKey(Key ?? Item ?? {}, keysOf(TableName) ?? Object.keys(Key ?? {}));
}

/**
 * Empty key values, and those beyond 2,048 bytes for the partition key and 1,024 for the sort key, are refused.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys
 */
function assertKey(source: Item, keys: readonly string[]): void {
  assertItemValues(source);
  for (const [i, attribute] of keys.entries()) {
    const value = source[attribute];
    if (value === undefined) continue;
    const bytes = keyBytes(value);
    if (bytes === undefined)
      throw validation(
        'One or more parameter values were invalid: The key element is of a type that no key can have',
      );
    if (bytes === 0)
      throw validation(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: ${attribute}`,
      );
    if (i === 0 && bytes > maxPartitionKeyBytes)
      throw validation(
        `One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of ${maxPartitionKeyBytes} bytes`,
      );
    if (i === 1 && bytes > maxSortKeyBytes)
      throw validation(
        `One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of ${maxSortKeyBytes} bytes`,
      );
  }
}

/** Undefined: strings, numbers and bytes are all that keys are made of. */
function keyBytes({ S, N, B }: AttributeValue): number | undefined {
  if (N !== undefined) return 1;
  return S === undefined ? B?.byteLength : Buffer.byteLength(S);
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
function assertBatchGet({ RequestItems = {} }: Request, keysOf: KeysOf): void {
  let keys = 0;
  for (const [TableName, one] of Object.entries(RequestItems)) {
    const { Keys = [], ...rest } = one as Expressions & { Keys?: readonly Item[] };
    assertExpressions(rest);
    for (const Key of Keys) assertOne({ TableName, Key }, keysOf);
    keys += Keys.length;
    if (new Set(Keys.map((key) => JSON.stringify(key))).size < Keys.length)
      throw validation('Provided list of item keys contains duplicates');
  }
  if (keys === 0) throw validation('The batch read request list for a table cannot be null or empty');
  if (keys > maxBatchKeys) throw validation('Too many items requested for the BatchGetItem call');
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html */
function assertBatchWrite({ RequestItems = {} }: Request, keysOf: KeysOf): void {
  const writes = Object.entries(RequestItems).flatMap(([TableName, some]) =>
    (some as readonly BatchWrite[]).map(({ PutRequest, DeleteRequest }): One => ({
      TableName,
      Item: PutRequest?.Item,
      Key: DeleteRequest?.Key,
    })),
  );
  if (writes.length === 0)
    throw validation('The batch write request list for a table cannot be null or empty');
  if (writes.length > maxBatchWrites)
    throw validation('Too many items requested for the BatchWriteItem call');
  for (const write of writes) assertOne(write, keysOf);
  const rows = writes.flatMap((write) => rowOf(write, keysOf) ?? []);
  if (new Set(rows).size < rows.length) throw validation('Provided list of item keys contains duplicates');
}

function assertOneActionEach(actions: readonly One[], keysOf: KeysOf): void {
  const rows = actions.flatMap((action) => rowOf(action, keysOf) ?? []);
  if (new Set(rows).size < rows.length)
    throw validation('Transaction request cannot include multiple operations on one item');
}

/** Undefined where it cannot be told from a whole item what its key is. */
function rowOf({ TableName, Key, Item }: One, keysOf: KeysOf): string | undefined {
  const keys = keysOf(TableName) ?? (Key === undefined ? undefined : Object.keys(Key).sort());
  return keys && JSON.stringify([TableName, keys.map((name) => (Key ?? Item)?.[name])]);
}
