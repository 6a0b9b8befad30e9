import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Pool } from 'pg';
import type { RenderedResponse } from '../../runtime/api/index.js';
import type { Transaction } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import type { PostgresTx } from '../../runtime/postgres/index.js';
import { postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import type {
  DeliverySummary,
  ReceivedEvent,
  ReceiverOptions,
  WebhookSource,
} from '../../runtime/webhook/index.js';
import { postgresWebhookReceiver } from '../../runtime/webhook/postgres/index.js';
import { embedded } from '../fixtures/embedded.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { testPostgres, type TestPostgres } from '../fixtures/postgres.js';
import { count, countedName } from './counting.js';
import { countInPostgres, countsTable } from './count-in-postgres.js';
import { request, type Delivery } from './delivery.js';
import type { At } from './victim-order.js';
import { client, day, World } from './world.js';

export type More = Omit<Partial<ReceiverOptions<unknown>>, 'outbox'> & {
  /** Into the outbox of the store. @default false */
  readonly publishes?: boolean;
};

export type Receive = (delivery: Delivery) => Promise<RenderedResponse>;

/** A store with the tables of a receiver whose handler counts under no key what acts: twice is seen. */
export interface ReceiverStore {
  readonly summaries: DeliverySummary[];
  receiver(sources: Record<string, WebhookSource>, more?: More): Receive;
  count(event: ReceivedEvent, tx: unknown): void | Promise<void>;
  acts(source: string, name: string): Promise<number>;
  /** Receipts that there are, and states. */
  rows(): Promise<number>;
  /** What was published: its type, the stream that it is in, and its data as text. */
  published(): Promise<readonly Published[]>;
  /** Where another process finds it. */
  readonly at: At;
}

export type Published = Readonly<Record<'type' | 'kind' | 'name' | 'data', string>>;

class OnDynamo implements ReceiverStore {
  readonly #world = new World();
  #outbox = '';

  get summaries(): DeliverySummary[] {
    return this.#world.summaries;
  }

  get at(): At {
    const { receipts, counts } = this.#world;
    const names = { receipts: receipts.name, counts: counts.name, outbox: this.#outbox };
    return { names, client: embedded().client };
  }

  async open(): Promise<this> {
    [this.#outbox] = await Promise.all([newOutboxTable(client), this.#world.open()]);
    return this;
  }

  receiver(sources: Record<string, WebhookSource>, { settings, publishes, ...more }: More = {}): Receive {
    return this.#world.receiver(sources, {
      ...(settings && { settings: { dedupTable: this.#world.receipts.name, ...settings } }),
      ...(publishes === true && {
        outbox: outbox({ table: this.#outbox, source: 'hooks', epoch: '1' }),
      }),
      ...more,
    });
  }

  count(event: ReceivedEvent, tx: unknown): void {
    count(this.#world.counts, event, tx as Transaction);
  }

  async acts(source: string, name: string): Promise<number> {
    return this.#world.acts(source, name);
  }

  async rows(): Promise<number> {
    const TableName = this.#world.receipts.name;
    return (await client.send(new ScanCommand({ TableName, Select: 'COUNT' }))).Count ?? 0;
  }

  async published() {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: this.#outbox }));
    return Items.map((item) => unmarshall(item) as Record<string, string | undefined>).flatMap(
      ({ stream = '[]', type, data = '' }) => {
        if (type === undefined) return [];
        const [, , kind = '', name = ''] = JSON.parse(stream) as string[];
        return [{ type, kind, name, data }];
      },
    );
  }
}

class OnPostgres implements ReceiverStore {
  readonly summaries: DeliverySummary[] = [];

  readonly at: At;

  constructor(
    url: string,
    readonly pool: Pool,
  ) {
    this.at = { url };
  }

  static async open(postgres: TestPostgres): Promise<OnPostgres> {
    const { url, pool } = await postgres.pool();
    await pool.query(countsTable);
    return new OnPostgres(url, pool);
  }

  receiver(sources: Record<string, WebhookSource>, { publishes, ...more }: More = {}): Receive {
    const receive = postgresWebhookReceiver({
      settings: { receiverName: 'hooks', windowSeconds: 60 * day, secretIds: {} },
      sources,
      handle: countInPostgres,
      pool: this.pool,
      observe: (summary) => this.summaries.push(summary),
      ...(publishes === true && { outbox: postgresOutbox({ source: 'hooks' }) }),
      ...more,
    });
    return (delivery) => receive(request(delivery), { deadline: Date.now() + 20_000 });
  }

  async count(event: ReceivedEvent, tx: unknown): Promise<void> {
    await countInPostgres(event, tx as PostgresTx);
  }

  async acts(source: string, name: string): Promise<number> {
    const { rows } = await this.pool.query<{ acts: number }>('SELECT acts FROM counts WHERE name = $1', [
      countedName(source, name),
    ]);
    return rows[0]?.acts ?? 0;
  }

  async rows(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      'SELECT (SELECT count(*) FROM exactly_once.receipts)::int + (SELECT count(*) FROM exactly_once.watermarks)::int AS n',
    );
    return rows[0]?.n ?? 0;
  }

  async published() {
    const { rows } = await this.pool.query<Published>(
      'SELECT type, aggregatetype AS kind, aggregateid AS name, payload AS data FROM exactly_once.outbox',
    );
    return rows;
  }
}

/** The same tests for each store. They ask for it within a test. */
export function onEachStore(tests: (store: () => ReceiverStore) => void): void {
  describe('on DynamoDB', () => tests(opened(async () => new OnDynamo().open())));
  describe('on Postgres', () => {
    const postgres = testPostgres();
    tests(opened(async () => OnPostgres.open(postgres)));
  });
}

function opened(open: () => Promise<ReceiverStore>): () => ReceiverStore {
  let store: ReceiverStore | undefined;
  beforeAll(async () => {
    store = await open();
  });
  return () => {
    if (store === undefined) throw new Error('the store opens before the tests: ask within one');
    return store;
  };
}
