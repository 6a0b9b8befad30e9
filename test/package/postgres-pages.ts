import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { startPostgres, type LocalPostgres } from '../../targets/postgres/index.js';
import { record, sqs } from '../fixtures/queue.js';
import { newQueue } from '../outbox/outbox-world.js';
import { bothActed, type DeployedPages } from './deployed-pages.js';
import { Program } from './program.js';
import { until } from './until.js';

/** The pages of Postgres: a consumer, and an outbox with its two relays. */
export function postgresPages(pages: () => DeployedPages): void {
  let server: LocalPostgres;
  let client: Client;
  beforeAll(async () => {
    server = await startPostgres();
    client = new Client({ connectionString: server.url() });
    await client.connect();
    await pages().cli('postgres', 'migrate', '--url', server.url());
  });
  afterAll(async () => {
    await client.end();
    await server.stop();
  });

  const connection = () => {
    const { username, password, hostname, port, pathname } = new URL(server.url());
    const PGDATABASE = pathname.slice(1);
    return { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password, PGDATABASE };
  };
  const centsOf = async (table: string) =>
    (await client.query<{ cents: string }>(`SELECT cents FROM ${table}`)).rows.map(({ cents }) => cents);

  test('Postgres: a payment, sent twice, is on the account once, in the tables that `postgres migrate` makes', async () => {
    await client.query("CREATE TABLE accounts AS SELECT 'ann' AS id, 0::bigint AS cents");
    const queueUrl = await newQueue(sqs(), false);
    const event = { Records: [record({ body: { paymentId: 'p-1', account: 'ann', cents: 1250 } })] };
    const answers = await pages().calledTwice('docs/postgres.md', 'settlement.ts', event, {
      ...connection(),
      EXACTLY_ONCE_CONSUMER_NAME: 'settlement',
      EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: queueUrl,
      EXACTLY_ONCE_QUEUE_URL: queueUrl,
    });
    expect(answers).toEqual(bothActed);
    expect(await centsOf('accounts')).toEqual(['1250']);
  });

  test('the outbox in Postgres: an event that each relay sends is counted once by the view of docs/outbox.md', async () => {
    const page = 'docs/postgres-outbox.md';
    await client.query('CREATE SCHEMA shop CREATE TABLE accounts (customer text PRIMARY KEY, cents bigint)');
    await client.query("INSERT INTO shop.accounts VALUES ('bob', 0)");
    const environment = {
      ...connection(),
      PGOPTIONS: '-c search_path=shop',
      EXACTLY_ONCE_OUTBOX_NAME: 'payments',
      EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: '7',
      EXACTLY_ONCE_OUTBOX_TARGETS: JSON.stringify([
        { queueUrl: pages().output('Outbox', 'SettledQueueUrl') },
      ]),
    };
    const publisher = `import { settle } from ${JSON.stringify(pages().sample(page, 'publish.ts'))};
      await settle(JSON.parse(process.argv[2]));
      process.exit(0);`;
    const script = pages().sample(page, 'settle-one.mjs');
    await writeFile(script, publisher);
    const settle = (paymentId: string, cents: number) =>
      promisify(execFile)(process.execPath, [script, JSON.stringify({ paymentId, customer: 'bob', cents })], {
        env: pages().environment(environment),
      });
    const paid = async () => (await pages().row('Outbox', 'ViewsTable', { customer: { S: 'bob' } }))?.paid?.N;
    const view = pages().output('Outbox', 'ViewFunctionName');
    const before = pages().acknowledged(view);

    await settle('p-1', 1250);
    // A call to the queue that takes too long is made again by a later run.
    await until(
      async () => {
        await pages().calledTwice(page, 'relay.ts', {}, environment);
        await pages().runner.idle(200);
        return pages().acknowledged(view) > before;
      },
      () => undefined,
    );
    expect(await paid()).toBe('1250');

    /** Until the view has had so many more, and what it says then. */
    const sentBy = async (file: string, more: number, meanwhile: () => Promise<void>) => {
      const had = pages().acknowledged(view);
      const relay = new Program(pages().sample(page, file), pages().environment(environment));
      try {
        await meanwhile();
        await until(
          () => pages().acknowledged(view) >= had + more,
          () => relay.failure,
        );
        await pages().runner.idle(200);
        expect(await relay.terminated()).toBe(0);
      } finally {
        relay.kill();
      }
      return paid();
    };
    await client.query('UPDATE exactly_once.outbox_control SET notified = true');
    expect(await sentBy('polling.ts', 1, async () => settle('p-2', 1).then(() => undefined))).toBe('1251');

    // The one that reads the log takes over: its slot is new, so it begins with what was sent before.
    await client.query('UPDATE exactly_once.outbox_control SET polled = false');
    await settle('p-3', 1);
    expect(await sentBy('cdc.ts', 3, async () => Promise.resolve())).toBe('1252');
    expect(await centsOf('shop.accounts')).toEqual(['-1252']);
  });
}
