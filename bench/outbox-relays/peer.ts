import { randomUUID } from 'node:crypto';
import {
  createReplicationSegmentMutexConcurrencyController,
  DatabaseSetup,
  getDisabledLogger,
  initializeMessageStorage,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
  type GeneralMessageHandler,
} from 'pg-transactional-outbox';
import {
  aggregates,
  committed,
  generatedData,
  generatedEvents,
  padding,
  type RelaySide,
  untilFound,
} from './relay-side.js';

const table = {
  outboxOrInbox: 'outbox' as const,
  database: 'postgres',
  schema: 'public',
  table: 'peer_outbox',
  nextMessagesSchema: 'public',
  nextMessagesName: 'next_peer_outbox',
  listenerRole: 'postgres',
  handlerRole: 'postgres',
};

const settings = {
  dbSchema: table.schema,
  dbTable: table.table,
  // Its page advises to leave both off for an outbox.
  enableMaxAttemptsProtection: false,
  enablePoisonousMessageProtection: false,
};

const store = initializeMessageStorage({ outboxOrInbox: 'outbox', settings }, getDisabledLogger());

/** In order for each aggregate, as ours are: an aggregate is a segment of the package. */
const publishing: Pick<RelaySide, 'publishMany' | 'publishOne'> = {
  async publishMany({ pool }, count) {
    await pool.query(
      `INSERT INTO peer_outbox (id, aggregate_type, aggregate_id, message_type, segment, payload)
       SELECT gen_random_uuid(), 'account', account, 'Moved', account, ${generatedData}
       FROM (${generatedEvents}) AS given`,
      [count],
    );
  },
  async publishOne({ pool }, n) {
    const account = `account-${n % aggregates}`;
    await committed(pool, async (client) =>
      store(
        {
          ...{ id: randomUUID(), aggregateType: 'account', aggregateId: account, segment: account },
          ...{ messageType: 'Moved', payload: { n, text: padding } },
        },
        client,
      ),
    );
  },
};

function handling(take: (n: number) => void): GeneralMessageHandler {
  return {
    handle: ({ payload }) => {
      take((payload as { n: number }).n);
      return Promise.resolve();
    },
  };
}

/** As many messages at once as its handlers have connections: 10, the default of `pg`. */
const atOnce = 10;

export function peerPolling(pollMs: number): RelaySide {
  return {
    ...publishing,
    async setUp({ pool }) {
      await pool.query(DatabaseSetup.dropAndCreateTable(table));
      await pool.query(DatabaseSetup.createPollingFunction(table));
      await pool.query(DatabaseSetup.setupPollingIndexes(table));
    },
    start: ({ url }, take) => {
      const connection = { connectionString: url };
      const [stop] = initializePollingMessageListener(
        {
          outboxOrInbox: 'outbox',
          dbListenerConfig: connection,
          dbHandlerConfig: connection,
          settings: {
            ...settings,
            nextMessagesFunctionSchema: table.nextMessagesSchema,
            nextMessagesFunctionName: table.nextMessagesName,
            nextMessagesPollingIntervalInMs: pollMs,
            nextMessagesBatchSize: atOnce,
          },
        },
        handling(take),
        getDisabledLogger(),
      );
      return Promise.resolve({ stop });
    },
  };
}

export const peerReplication: RelaySide = {
  ...publishing,
  async setUp({ pool, name }) {
    const replication = { ...table, publication: `${name}_publication`, replicationSlot: name };
    await pool.query(DatabaseSetup.dropAndCreateTable(table));
    await pool.query(DatabaseSetup.setupReplicationCore(replication));
    await pool.query(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
  },
  start: async ({ url, name, pool }, take) => {
    const connection = { connectionString: url };
    const [stop] = initializeReplicationMessageListener(
      {
        outboxOrInbox: 'outbox',
        dbListenerConfig: connection,
        dbHandlerConfig: connection,
        settings: { ...settings, dbPublication: `${name}_publication`, dbReplicationSlot: name },
      },
      handling(take),
      getDisabledLogger(),
      // Messages of one aggregate one after the other, and aggregates side by side.
      { concurrencyStrategy: createReplicationSegmentMutexConcurrencyController() },
    );
    await untilFound(pool, 'SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [name]);
    return { stop };
  },
};
