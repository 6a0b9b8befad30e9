import type {
  BatchGetItemCommandInput,
  GetItemCommandInput,
  QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { compareValues, type Item } from './attribute-values.js';
import { holds } from './condition-expression.js';
import { halves, type Pick } from './dynamo-batches.js';
import { validation } from './dynamo-errors.js';
import type { DynamoTables } from './dynamo-table.js';
import { itemBytes } from './dynamo-values.js';
import { Placeholders } from './placeholders.js';

/** DynamoDB: 16 MB an answer to BatchGetItem, 1 MB a page of a Query. */
const [maxBatchBytes, maxPageBytes] = [16 * 1024 * 1024, 1024 * 1024];

export interface ReadOptions {
  /** How many versions back an eventually consistent read looks. */
  readonly staleness: () => number;
  /** Which keys of a batch are left unprocessed. */
  readonly leavesOut: Pick;
}

/** What DynamoDB answers to reads. */
export class DynamoReads {
  constructor(
    private readonly tables: DynamoTables,
    private readonly options: ReadOptions,
  ) {}

  get(input: GetItemCommandInput): object {
    const { TableName, Key = {}, ConsistentRead } = input;
    const found = this.#read(TableName, Key, ConsistentRead);
    return found === undefined ? {} : { Item: projected(found, input) };
  }

  batchGet({ RequestItems = {} }: BatchGetItemCommandInput): object {
    let bytes = 0;
    const Responses: Record<string, Item[]> = Object.fromEntries(
      Object.keys(RequestItems).map((name) => [name, []]),
    );
    const { left } = halves(RequestItems, (table, one) => {
      if (this.options.leavesOut(table, one)) return true;
      const found = this.#read(table, one as Item, RequestItems[table]?.ConsistentRead);
      bytes += found === undefined ? 0 : itemBytes(found);
      if (bytes > maxBatchBytes) return true;
      if (found !== undefined) Responses[table]?.push(projected(found, RequestItems[table] ?? {}));
      return false;
    });
    return { Responses, UnprocessedKeys: left };
  }

  /**
   * Of a table or an index; in the order of the sort key, a megabyte at a time. Knows no filter, which would hide
   * what was read.
   */
  query(input: QueryCommandInput): object {
    const { TableName, IndexName, KeyConditionExpression = '', ExclusiveStartKey, Limit = Infinity } = input;
    const table = this.tables.get(TableName);
    const keys = IndexName === undefined ? table.keyAttributes : table.indexes.get(IndexName);
    if (keys === undefined) throw validation(`The table does not have the specified index: ${IndexName}`);
    const [, sortKey = ''] = keys;
    const given = new Placeholders(input.ExpressionAttributeNames, input.ExpressionAttributeValues);
    const order = (a: Item, b: Item) => {
      const [x, y] = [a[sortKey], b[sortKey]];
      return (x && y && compareValues(x, y)) ?? 0;
    };
    const isBehind = input.ConsistentRead !== true && IndexName === undefined && this.options.staleness() > 0;
    const found = (isBehind ? table.itemsBefore : table.items)
      .filter((item) => keys.every((key) => item[key] !== undefined))
      .filter((item) => holds(KeyConditionExpression, item, given))
      .sort((a, b) => (input.ScanIndexForward === false ? order(b, a) : order(a, b)));
    const start = ExclusiveStartKey && table.rowId(table.keyOf(ExclusiveStartKey));
    const from = found.findIndex((item) => table.rowId(item) === start) + 1;
    const page: Item[] = [];
    let bytes = 0;
    for (const item of found.slice(from)) {
      bytes += itemBytes(item);
      if (page.length > 0 && (bytes > maxPageBytes || page.length >= Limit)) break;
      page.push(item);
    }
    const last = page.at(-1);
    if (last === undefined || from + page.length === found.length) return { Items: page, Count: page.length };
    const names = new Set([...keys, ...table.keyAttributes]);
    const LastEvaluatedKey = Object.fromEntries(Object.entries(last).filter(([name]) => names.has(name)));
    return { Items: page, Count: page.length, LastEvaluatedKey };
  }

  #read(name: string | undefined, key: Item, consistent: boolean | undefined): Item | undefined {
    const table = this.tables.get(name);
    return table.read(table.rowId(key, true), consistent === true ? 0 : this.options.staleness());
  }
}

function projected(
  item: Item,
  input: { ProjectionExpression?: string; ExpressionAttributeNames?: Record<string, string> },
): Item {
  if (input.ProjectionExpression === undefined) return item;
  const given = new Placeholders(input.ExpressionAttributeNames);
  const names = input.ProjectionExpression.split(',').map((path) => given.name(path.trim()));
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
}
