import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { Pool } from 'pg';
import { migrate } from '../../runtime/postgres/migrate.js';
import { startPostgres, type LocalPostgres } from '../../targets/postgres/index.js';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { newCustomer, pay, payment, published } from './traffic.js';

/** Whether its target can hold it decides whether the stack is deployed with a ledger. */
export const ledgerTest =
  'a payment whose function is killed in its transaction, and whose event comes twice more, is posted to Postgres once';

/** A real server with the tables of the ledger, for functions that run on this machine. */
export class LedgerDatabase {
  private constructor(
    private readonly server: LocalPostgres,
    readonly pool: Pool,
  ) {}

  static async start(): Promise<LedgerDatabase> {
    const server = await startPostgres();
    const pool = new Pool({ connectionString: server.url() });
    await migrate({ pool });
    await pool.query(
      'CREATE TABLE ledger (payment_id text PRIMARY KEY, customer text NOT NULL, cents integer NOT NULL, postings integer NOT NULL)',
    );
    return new LedgerDatabase(server, pool);
  }

  get url(): string {
    return this.server.url();
  }

  async postings(paymentId: string): Promise<number> {
    const { rows } = await this.pool.query<{ postings: number }>(
      'SELECT postings FROM ledger WHERE payment_id = $1',
      [paymentId],
    );
    return rows[0]?.postings ?? 0;
  }

  /** Nobody writes to the ledger meanwhile. */
  async whileLocked(work: () => Promise<void>): Promise<void> {
    const holder = await this.pool.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE');
      await work();
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  }

  /** How often somebody waits to write to the ledger. */
  async waiting(): Promise<number> {
    const { rows } = await this.pool.query<{ waiting: number }>(
      "SELECT count(*)::int AS waiting FROM pg_locks WHERE relation = 'ledger'::regclass AND NOT granted",
    );
    return rows[0]?.waiting ?? 0;
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.server.stop();
  }
}

export function paymentsArePosted(stack: DeployedStack): void {
  heldTest(ledgerTest, async () => {
    const { ledger } = stack;
    const customer = newCustomer();
    const bought = payment(customer, 450);
    // Whoever posts now waits within its transaction, behind the receipt and before the commit.
    await ledger.whileLocked(async () => {
      expect((await pay(stack, bought)).status).toBe(202);
      await eventually(
        'a function in its transaction',
        async () => ledger.waiting(),
        (waiting) => waiting > 0,
      );
      const workers = await stack.workers('LedgerFunctionName');
      for (const pid of workers) process.kill(pid, 'SIGKILL');
      expect(workers.length).toBeGreaterThan(0);
    });

    const [event] = (await published(stack, 'customer', customer)).filter((text) =>
      text.includes(bought.paymentId),
    );
    const QueueUrl = stack.output('LedgerQueueUrl');
    for (let copy = 0; copy < 2; copy += 1)
      await stack.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: event }));
    await eventually(
      'the posting',
      async () => ledger.postings(bought.paymentId),
      (postings) => postings > 0,
    );
    // Both copies are gone; what the killed function held may still be hidden.
    await eventually(
      'the end of both copies',
      async () =>
        stack.sqs.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        ),
      ({ Attributes: counts = {} }) =>
        counts['ApproximateNumberOfMessages'] === '0' &&
        Number(counts['ApproximateNumberOfMessagesNotVisible']) <= 1,
    );
    expect(await ledger.postings(bought.paymentId)).toBe(1);
    const { rows } = await ledger.pool.query('SELECT 1 FROM exactly_once.receipts WHERE id = $1', [
      `ledger#${bought.paymentId}`,
    ]);
    expect(rows).toHaveLength(1);
  });
}
