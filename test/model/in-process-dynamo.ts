import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type BatchWriteItemCommandInput,
  type TransactWriteItemsCommandInput,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { actionOf, type Action } from './dynamo-action.js';
import { halves, type Pick } from './dynamo-batches.js';
import {
  conditionFailed,
  inProgress,
  parameterMismatch,
  singleConflict,
  throttled,
  throttledTransaction,
  type Throttle,
} from './dynamo-errors.js';
import { assertDynamoRequest } from './dynamo-limits.js';
import { DynamoReads } from './dynamo-reads.js';
import { DynamoTables } from './dynamo-table.js';
import { assertFitsTogether, reasonsAgainst, transactActionsOf } from './transact-items.js';

/**
 * A request that the server has taken in. `finish` is the moment at which it takes effect; it throws what DynamoDB
 * answers.
 */
export interface Running {
  finish(): object;
}

/** What DynamoDB may do at any time, and local engines never do. Each is asked anew for each request. */
export interface DynamoFaults {
  /** Whether there is no throughput for a request of this kind, and how that is said. @default - there always is */
  readonly throttles?: (kind: 'read' | 'write') => Throttle | undefined;
  /** Whether a key or a write of a batch is left unprocessed. @default - none is */
  readonly leavesOut?: Pick;
}

export interface InProcessDynamoOptions extends DynamoFaults {
  /** Epoch milliseconds of the server. */
  readonly now: () => number;
  /** How many versions back an eventually consistent read looks. @default - none */
  readonly staleness?: () => number;
}

/** DynamoDB knows a ClientRequestToken again for 10 minutes after the request that used it has ended. */
const tokenMs = 10 * 60_000;

/**
 * DynamoDB in memory, as AWS documents it, for what this package uses: GetItem, BatchGetItem, Query, PutItem,
 * UpdateItem, DeleteItem, BatchWriteItem and TransactWriteItems. In contrast to the local engines it conflicts: a
 * transaction holds its items from its start to its finish, and meanwhile every other transaction
 * (TransactionCanceledException) and single write (TransactionConflictException) on one of them is refused, while
 * reads see what was there before (R18). It refuses what is too big or malformed (dynamo-limits.ts), and where it is
 * told to, it throttles and leaves parts of batches unprocessed.
 *
 * It knows no nested document paths, and an index shows at once what its table holds.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export class InProcessDynamo {
  readonly tables = new DynamoTables();
  readonly #reads: DynamoReads;
  readonly #tokens = new Map<string, { readonly request: string; finishedAt: number | undefined }>();

  constructor(private readonly options: InProcessDynamoOptions) {
    const { staleness = () => 0 } = options;
    this.#reads = new DynamoReads(this.tables, { staleness, leavesOut: (...one) => this.#leavesOut(...one) });
  }

  /** Takes a request in. @throws what DynamoDB answers to a request that it refuses at once. */
  start(command: { readonly input: object }): Running {
    const { input } = command;
    assertDynamoRequest(command.constructor.name, input, (name) => this.tables.keysOf(name));
    if (command instanceof TransactWriteItemsCommand) return this.#transaction(command.input);
    if (command instanceof PutItemCommand) return this.#single(actionOf('Put', input, this.tables));
    if (command instanceof UpdateItemCommand) return this.#single(actionOf('Update', input, this.tables));
    if (command instanceof DeleteItemCommand) return this.#single(actionOf('Delete', input, this.tables));
    if (command instanceof BatchWriteItemCommand) return { finish: () => this.#batchWrite(command.input) };
    if (command instanceof GetItemCommand) return this.#read(() => this.#reads.get(command.input));
    if (command instanceof BatchGetItemCommand) return this.#read(() => this.#reads.batchGet(command.input));
    if (command instanceof QueryCommand) return this.#read(() => this.#reads.query(command.input));
    throw new Error(`the in-process DynamoDB does not know ${command.constructor.name}`);
  }

  /** Requests whose first sending lies back more than ten minutes: from now on they are new ones. */
  forgetTokens(): void {
    for (const [token, { finishedAt }] of this.#tokens)
      if (finishedAt !== undefined) this.#tokens.delete(token);
  }

  #read(answer: () => object): Running {
    this.#assertThroughput('read');
    return { finish: answer };
  }

  #single(action: Action): Running {
    this.#assertThroughput('write');
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

  /** Each write for itself, without conditions. One that meets a transaction is left unprocessed. */
  #batchWrite({ RequestItems = {} }: BatchWriteItemCommandInput): object {
    const { left } = halves(RequestItems, (name, one) => {
      const { PutRequest, DeleteRequest } = one as WriteRequest;
      const target = { TableName: name, Item: PutRequest?.Item, Key: DeleteRequest?.Key };
      const { table, rowId, after } = actionOf(
        PutRequest === undefined ? 'Delete' : 'Put',
        target,
        this.tables,
      );
      if (table.isHeld(rowId) || this.#leavesOut(name, one)) return true;
      table.write(rowId, after(table.read(rowId)));
      return false;
    });
    return { UnprocessedItems: left };
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
    const throttle = this.options.throttles?.('write');
    if (throttle !== undefined) throw throttledTransaction(throttle, actions.length);
    const cause = reasonsAgainst(actions);
    if (cause !== undefined) throw cause;
    assertFitsTogether(actions);
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

  #assertThroughput(kind: 'read' | 'write'): void {
    const throttle = this.options.throttles?.(kind);
    if (throttle !== undefined) throw throttled(throttle);
  }

  #leavesOut(...one: Parameters<Pick>): boolean {
    return this.options.leavesOut?.(...one) === true;
  }
}
