import {
  DatabaseSetup,
  getDisabledLogger,
  initializeMessageStorage,
  initializePollingMessageListener,
  type PollingListenerConfig,
} from 'pg-transactional-outbox';
import type { Pool } from 'pg';
import { crashPoint } from '../../runtime/dedup/crash-points.js';
import type { Handle } from './inbox.js';

const at = {
  outboxOrInbox: 'inbox' as const,
  database: 'postgres',
  schema: 'public',
  table: 'peer_inbox',
  nextMessagesSchema: 'public',
  nextMessagesName: 'next_peer_inbox',
  listenerRole: 'postgres',
  handlerRole: 'postgres',
};

/** What the package asks for in a database. */
export async function createPeerInbox(pool: Pool): Promise<void> {
  await pool.query(DatabaseSetup.dropAndCreateTable(at));
  await pool.query(DatabaseSetup.createPollingFunction(at));
  await pool.query(DatabaseSetup.setupPollingIndexes(at));
}

/**
 * The inbox of `pg-transactional-outbox`, as its page says: what arrives is stored, a listener that polls handles it
 * in a transaction that marks it as processed, and then the batch is acknowledged.
 */
export function peerInbox(pool: Pool, adding: string): Handle {
  const connection = { connectionString: String(pool.options.connectionString) };
  const config: PollingListenerConfig = {
    outboxOrInbox: 'inbox',
    dbListenerConfig: connection,
    dbHandlerConfig: connection,
    settings: {
      dbSchema: at.schema,
      dbTable: at.table,
      enableMaxAttemptsProtection: false,
      enablePoisonousMessageProtection: false,
      nextMessagesFunctionSchema: at.nextMessagesSchema,
      nextMessagesFunctionName: at.nextMessagesName,
      nextMessagesPollingIntervalInMs: 20,
      nextMessagesLockInMs: 1_000,
    },
  };
  const store = initializeMessageStorage(config, getDisabledLogger());
  return async (records) => {
    await crashPoint('batch-received');
    const bodies = records.map(({ body }) => JSON.parse(body) as { id: string; counter: string });
    const client = await pool.connect();
    for (const { id, counter } of bodies)
      await store(
        { id, aggregateType: 'counter', aggregateId: counter, messageType: 'added', payload: { counter } },
        client,
      );
    client.release();
    await crashPoint('receipts-recalled');
    const [shutDown] = initializePollingMessageListener(
      config,
      {
        handle: async ({ payload }, transaction) => {
          await transaction.query(adding, [(payload as { counter: string }).counter]);
          await crashPoint('before-commit');
        },
      },
      getDisabledLogger(),
    );
    const ids = bodies.map(({ id }) => id);
    for (let done = 0; done < ids.length;) {
      const { rows } = await pool.query(
        'SELECT 1 FROM peer_inbox WHERE id = ANY($1) AND processed_at IS NOT NULL',
        [ids],
      );
      // Each of them, as soon as it is seen.
      for (; done < rows.length; done += 1) await crashPoint('after-commit');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await shutDown();
    await crashPoint('before-answer');
  };
}
