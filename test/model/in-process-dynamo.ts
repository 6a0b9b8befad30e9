import {
  BatchGetItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type BatchGetItemCommandInput,
  type GetItemCommandInput,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';
import { actionOf, type Action, type ActionInput } from './dynamo-action.js';
import {
  conditionFailed,
  inProgress,
  parameterMismatch,
  singleConflict,
  validation,
} from './dynamo-errors.js';
import { DynamoTables } from './dynamo-table.js';
import { Placeholders } from './placeholders.js';
import { reasonsAgainst, transactActionsOf } from './transact-items.js';

/** A request that the server has taken in. `finish` is the moment at which it takes effect; it throws what DynamoDB answers. */
export interface Running {
  finish(): object;
}

export interface InProcessDynamoOptions {
  /** Epoch milliseconds of the server. */
  readonly now: () => number;
  /** How many versions back an eventually consistent read looks. @default - none */
  readonly staleness?: () => number;
}

/** How long DynamoDB knows a ClientRequestToken again. */
const tokenMs = 10 * 60_000;

/**
 * DynamoDB in memory, as AWS documents it, for what this package uses: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem and
 * TransactWriteItems. In contrast to the local engines it conflicts: a transaction holds its items from its start to its finish,
 * and meanwhile every other transaction (TransactionCanceledException) and single write (TransactionConflictException) on one of
 * them is refused, while reads see what was there before (R18).
 *
 * It knows no item size limit, no throughput and no nested document paths.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export class InProcessDynamo {
  readonly tables = new DynamoTables();
  readonly #tokens = new Map<string, { readonly request: string; finishedAt: number | undefined }>();

  constructor(private readonly options: InProcessDynamoOptions) {}

  /** Takes a request in. @throws what DynamoDB answers to a request that it refuses at once. */
  start(command: { readonly input: object }): Running {
    const { input } = command;
    if (command instanceof TransactWriteItemsCommand) return this.#transaction(command.input);
    if (command instanceof PutItemCommand) return this.#single(actionOf('Put', input, this.tables));
    if (command instanceof UpdateItemCommand) return this.#single(actionOf('Update', input, this.tables));
    if (command instanceof DeleteItemCommand) return this.#single(actionOf('Delete', input, this.tables));
    if (command instanceof GetItemCommand) return { finish: () => this.#get(command.input) };
    if (command instanceof BatchGetItemCommand) return { finish: () => this.#batchGet(command.input) };
    throw new Error(`the in-process DynamoDB does not know ${command.constructor.name}`);
  }

  /** Requests whose first sending lies back more than ten minutes: from now on they are new ones. */
  forgetTokens(): void {
    for (const [token, { finishedAt }] of this.#tokens)
      if (finishedAt !== undefined) this.#tokens.delete(token);
  }

  #single(action: Action): Running {
    const finish = () => {
      const { table, rowId } = action;
      if (table.isHeld(rowId)) throw singleConflict();
      const before = table.read(rowId);
      if (!action.permits(before)) throw conditionFailed(action.returnsOld ? before : undefined);
      table.write(rowId, action.after(before));
      return {};
    };
    return { finish };
  }

  #transaction({ TransactItems = [], ClientRequestToken: token }: TransactWriteItemsCommandInput): Running {
    const actions = transactActionsOf(TransactItems, this.tables);
    const request = JSON.stringify(TransactItems);
    const known = token === undefined ? undefined : this.#known(token);
    if (known !== undefined) {
      if (known.request !== request) throw parameterMismatch();
      if (known.finishedAt === undefined) throw inProgress();
      return { finish: () => ({}) };
    }
    const cause = reasonsAgainst(actions);
    if (cause !== undefined) throw cause;
    // Only a transaction that is under way or was made is known again; a cancelled one is tried anew.
    const memory: { request: string; finishedAt: number | undefined } = { request, finishedAt: undefined };
    if (token !== undefined) this.#tokens.set(token, memory);
    for (const { table, rowId } of actions) table.hold(rowId, memory);
    const finish = () => {
      for (const { table, rowId, after } of actions) {
        table.release(rowId);
        const before = table.read(rowId);
        const item = after(before);
        if (item !== before) table.write(rowId, item);
      }
      memory.finishedAt = this.options.now();
      return {};
    };
    return { finish };
  }

  #known(token: string) {
    const known = this.#tokens.get(token);
    if (known?.finishedAt === undefined || this.options.now() - known.finishedAt < tokenMs) return known;
    this.#tokens.delete(token);
    return undefined;
  }

  #get(input: GetItemCommandInput): object {
    const { TableName, Key = {}, ConsistentRead, ProjectionExpression } = input;
    const given = new Placeholders(input.ExpressionAttributeNames);
    const projected = ProjectionExpression?.split(',').map((path) => given.name(path.trim()));
    given.assertAllUsed();
    const found = this.#read(TableName, Key, ConsistentRead);
    if (found === undefined || projected === undefined) return found === undefined ? {} : { Item: found };
    return { Item: Object.fromEntries(Object.entries(found).filter(([name]) => projected.includes(name))) };
  }

  #batchGet({ RequestItems = {} }: BatchGetItemCommandInput): object {
    const entries = Object.entries(RequestItems).map(([name, { Keys = [], ConsistentRead }]) => {
      const ids = Keys.map((key) => this.tables.get(name).rowId(key, true));
      if (new Set(ids).size < ids.length) throw validation('Provided list of item keys contains duplicates');
      return [
        name,
        Keys.map((key) => this.#read(name, key, ConsistentRead)).filter((item) => item !== undefined),
      ] as const;
    });
    return { Responses: Object.fromEntries(entries), UnprocessedKeys: {} };
  }

  #read(name: string | undefined, key: Item, consistent: boolean | undefined): Item | undefined {
    const table = this.tables.get(name);
    return table.read(table.rowId(key, true), consistent === true ? 0 : this.options.staleness?.());
  }
}

export type { ActionInput };
