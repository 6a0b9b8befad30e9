import { randomUUID } from 'node:crypto';
import { DynamoDBClient, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Pool } from 'pg';
import type {
  Api,
  ApiResponse,
  KeyedApiOptions,
  KeyedRequest,
  RenderedResponse,
  RequestSummary,
} from '../../runtime/api/index.js';
import { postgresIdempotentApi } from '../../runtime/api/postgres/index.js';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import type { PostgresTx } from '../../runtime/postgres/index.js';
import { FaultyPostgres } from '../contract/faulty-postgres.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { testPostgres, type TestPostgres } from '../fixtures/postgres.js';
import { accountsTable, payInPostgres } from './pay-in-postgres.js';
import type { At } from './victim-order.js';
import { day, limits, pay, PaymentBody, paymentsApi, request, type Names, type Shape } from './payments.js';

export type More = Partial<KeyedApiOptions<PaymentBody, unknown>>;

/**
 * What a store's answers come to. `reads`: receipts cannot be read. `answers`: commits stand, and say nothing.
 * `writes`: commits do not arrive, and say nothing. `refused`: commits are refused.
 */
export type Fault = 'reads' | 'answers' | 'writes' | 'refused';

export interface Told {
  readonly summaries?: RequestSummary[];
  readonly windowSeconds?: number;
  /** What goes wrong between the API and the store. */
  readonly fault?: Fault;
}

/** A store with the tables of payments, as the tests of the contract use it. */
export interface ApiStore {
  /** Calls that a first request makes which pays, and a replay. */
  readonly calls: { readonly first: number; readonly replay: number };
  /** A handler runs for a replay, too. */
  readonly runsForReplays: boolean;
  /** Of an API that answers bodies of megabytes. */
  readonly bigAnswers: object;
  api(more?: More, told?: Told): Api;
  /** Pays, counted by no key, and answers with a number that no second run would find again. */
  pay(asked: KeyedRequest<PaymentBody>, tx: unknown): ApiResponse | Promise<ApiResponse>;
  /** Whether a handler sees payments of the account. */
  sees(account: string, tx: unknown): Promise<boolean>;
  payments(account: string): Promise<number | undefined>;
  /** Where another process finds it. */
  readonly at: At;
  /** Seconds to the end of a receipt's window. */
  left(receipt: string): Promise<number>;
  /** Moves the end of a receipt's window, as time would. */
  endsIn(receipt: string, seconds: number): Promise<void>;
  /** Puts "gone" in the place of a saved answer, as docs/api.md says. */
  erase(receipt: string): Promise<void>;
  close(): Promise<void>;
}

export const limitless = { put: () => Promise.resolve(), get: () => Promise.resolve(undefined) };

class OnDynamo implements ApiStore {
  readonly calls = { first: 1, replay: 1 };
  readonly runsForReplays = true;
  readonly bigAnswers = { responses: limitless };
  readonly client = dynamo();
  readonly at: At;
  readonly #clients: DynamoDBClient[] = [this.client];

  constructor(readonly names: Names) {
    this.at = { names, client: embedded().client };
  }

  static async open(): Promise<OnDynamo> {
    const client = dynamo();
    const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
    client.destroy();
    return new OnDynamo({ receipts: receipts.name, accounts: accounts.name });
  }

  api(more: More = {}, { summaries, windowSeconds = day, fault }: Told = {}): Api {
    const settings = { apiName: 'payments', dedupTable: this.names.receipts, windowSeconds };
    // A commit of which one table is not there is refused as a whole.
    const names = fault === 'refused' ? { ...this.names, accounts: 'no-such-table' } : this.names;
    const client = fault === undefined || fault === 'refused' ? this.client : this.#losing(fault);
    return paymentsApi(names, client, { settings, ...more }, summaries);
  }

  pay(asked: KeyedRequest<PaymentBody>, tx: unknown): ApiResponse {
    return pay(this.names, asked, tx as Transaction);
  }

  async sees(account: string, tx: unknown): Promise<boolean> {
    const found = await (tx as Transaction).get(this.#accounts, { account }, ['payments']);
    return found !== undefined;
  }

  async payments(account: string): Promise<number | undefined> {
    return (await row(this.client, this.#accounts, { account }))?.payments as number | undefined;
  }

  async left(receipt: string): Promise<number> {
    const receipts = table({ name: this.names.receipts, partitionKey: 'id' });
    return Number((await row(this.client, receipts, { id: receipt }))?.expiration) - Date.now() / 1000;
  }

  async endsIn(receipt: string, seconds: number): Promise<void> {
    await this.#set(receipt, 'expiration', { N: String(Math.floor(Date.now() / 1000) + seconds) });
  }

  async erase(receipt: string): Promise<void> {
    await this.#set(receipt, 'data', { M: { status: { N: '410' }, headers: { M: {} }, body: { S: '' } } });
  }

  close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    return Promise.resolve();
  }

  get #accounts() {
    return table({ name: this.names.accounts, partitionKey: 'account' });
  }

  async #set(id: string, name: string, value: AttributeValue): Promise<void> {
    await this.client.send(
      new UpdateItemCommand({
        TableName: this.names.receipts,
        Key: { id: { S: id } },
        ConditionExpression: 'attribute_exists(id)',
        UpdateExpression: 'SET #name = :value',
        ExpressionAttributeNames: { '#name': name },
        ExpressionAttributeValues: { ':value': value },
      }),
    );
  }

  /** A client of the real engine whose reads or writes get no answer. */
  #losing(lost: Fault): DynamoDBClient {
    const broken = new DynamoDBClient({ ...embedded().client, maxAttempts: 1 });
    broken.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const isRead = commandName === 'BatchGetItemCommand';
          if (lost !== 'answers' && (lost === 'reads') === isRead) throw new Error('connection lost');
          const answer = await next(args);
          if (lost === 'answers' && !isRead) throw new Error('connection lost');
          return answer;
        },
      { step: 'initialize' },
    );
    this.#clients.push(broken);
    return broken;
  }
}

export class OnPostgres implements ApiStore {
  readonly calls = { first: 4, replay: 3 };
  readonly runsForReplays = false;
  readonly bigAnswers = {};
  readonly at: At;
  readonly #faulty: FaultyPostgres[] = [];

  constructor(
    readonly url: string,
    readonly pool: Pool,
  ) {
    this.at = { url };
  }

  static async open(postgres: TestPostgres): Promise<OnPostgres> {
    const { url, pool } = await postgres.pool();
    await pool.query(accountsTable);
    const store = new OnPostgres(url, pool);
    // The first request of a pool looks at the schema, too.
    await store.api()(request(), limits());
    return store;
  }

  api(more: More = {}, { summaries = [], windowSeconds = day, fault }: Told = {}): Api {
    return postgresIdempotentApi<PaymentBody>({
      settings: { apiName: 'payments', windowSeconds },
      pool: fault === undefined ? this.pool : this.faulty(fault),
      schema: PaymentBody,
      handle: payInPostgres,
      observe: (summary) => summaries.push(summary),
      ...more,
    });
  }

  faulty(fault: Fault): FaultyPostgres {
    const faulty = new FaultyPostgres(this.url);
    this.#faulty.push(faulty);
    faulty.unread = fault === 'reads' ? Infinity : 0;
    faulty.lost = fault === 'answers' ? Infinity : 0;
    faulty.unsent = fault === 'writes' ? Infinity : 0;
    faulty.conflicts = fault === 'refused' ? Infinity : 0;
    return faulty;
  }

  pay(asked: KeyedRequest<PaymentBody>, tx: unknown): Promise<ApiResponse> {
    return payInPostgres(asked, tx as PostgresTx);
  }

  async sees(account: string, tx: unknown): Promise<boolean> {
    const { rowCount } = await (tx as PostgresTx).query('SELECT FROM accounts WHERE account = $1', [account]);
    return rowCount > 0;
  }

  async payments(account: string): Promise<number | undefined> {
    const { rows } = await this.pool.query<{ payments: number }>(
      'SELECT payments FROM accounts WHERE account = $1',
      [account],
    );
    return rows[0]?.payments;
  }

  async left(receipt: string): Promise<number> {
    const { rows } = await this.pool.query<{ left: number }>(
      'SELECT extract(epoch FROM expires_at - now())::float8 AS left FROM exactly_once.receipts WHERE id = $1',
      [receipt],
    );
    return rows[0]?.left ?? NaN;
  }

  async endsIn(receipt: string, seconds: number): Promise<void> {
    await this.#set(receipt, "expires_at = now() + $2 * interval '1 second'", seconds);
  }

  async erase(receipt: string): Promise<void> {
    await this.#set(receipt, 'result = $2', '{"status":410,"headers":{},"body":""}');
  }

  async close(): Promise<void> {
    await Promise.all(this.#faulty.map(async ({ pool }) => pool.end()));
  }

  async #set(receipt: string, set: string, value: unknown): Promise<void> {
    const text = `UPDATE exactly_once.receipts SET ${set} WHERE id = $1`;
    const { rowCount } = await this.pool.query(text, [receipt, value]);
    if (rowCount !== 1) throw new Error(`no receipt '${receipt}'`);
  }
}

/** What the tests of a suite use, opened before them. */
export interface Suite {
  store(): ApiStore;
  api(more?: More, told?: Told): Api;
  ask(shape: Shape, on?: Api): Promise<RenderedResponse>;
  payments(account: string): Promise<number | undefined>;
  /** An API whose handler pays and answers as told. */
  answering(answer: (body: { account: string }, tx: unknown) => ApiResponse, more?: More): Api;
  /** Of the API that is asked where no other is given. */
  readonly summaries: RequestSummary[];
}

export const once = () => {
  const account = randomUUID();
  return { account, key: randomUUID(), body: { account, cents: 5 } };
};

/** The same tests for each store: what is said of an API holds wherever its receipts are. */
export function onEachStore(tests: (suite: Suite) => void): void {
  describe('on DynamoDB', () => tests(suiteOn(async () => OnDynamo.open())));
  describe('on Postgres', () => {
    const postgres = testPostgres();
    tests(suiteOn(async () => OnPostgres.open(postgres)));
  });
}

function suiteOn(open: () => Promise<ApiStore>): Suite {
  let opened: ApiStore | undefined;
  let ours: Api | undefined;
  const summaries: RequestSummary[] = [];
  beforeAll(async () => {
    opened = await open();
    ours = opened.api({}, { summaries });
  });
  afterAll(async () => opened?.close());
  const store = (): ApiStore => {
    if (opened === undefined) throw new Error('the store opens before the tests: ask within one');
    return opened;
  };
  return {
    store,
    summaries,
    api: (more, told) => store().api(more, told),
    ask: async (shape, on = ours) => {
      if (on === undefined) throw new Error('ask within a test');
      return on(request(shape), limits());
    },
    payments: async (account) => store().payments(account),
    answering: (answer, more) =>
      store().api({
        handle: async (keyed, tx) => {
          await store().pay(keyed, tx);
          return answer(keyed.body, tx);
        },
        ...more,
      }),
  };
}
