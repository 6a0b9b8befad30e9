import { Client } from 'pg';
import { fromPg, migrate } from '../../runtime/postgres/index.js';
import { CdcRelay, listen, PollingRelay, postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import type { RelayTarget } from '../../runtime/outbox/targets/target.js';
import {
  aggregates,
  committed,
  generatedData,
  generatedEvents,
  padding,
  type RelaySide,
  untilFound,
} from './relay-side.js';

const source = 'bench';
const outbox = postgresOutbox({ source });

/** Takes events at once and keeps nothing of them. */
function localSink(take: (n: number) => void): RelayTarget {
  return {
    name: 'sink',
    call: { events: 500, bytes: Infinity, sizeOf: () => 0 },
    send: (events) => {
      for (const { event } of events) take((JSON.parse(event) as { data: { n: number } }).data.n);
      return Promise.resolve(new Map());
    },
  };
}

const publishing: Pick<RelaySide, 'publishMany' | 'publishOne'> = {
  async publishMany({ pool }, count) {
    await pool.query(
      `INSERT INTO exactly_once.outbox (source, aggregatetype, aggregateid, type, payload)
       SELECT '${source}', 'account', account, 'Moved', ${generatedData}::text FROM (${generatedEvents}) AS given`,
      [count],
    );
  },
  publishOne: async ({ pool }, n) =>
    committed(pool, async (client) =>
      outbox.publish(fromPg(client), {
        aggregate: { kind: 'account', name: `account-${n % aggregates}` },
        type: 'Moved',
        data: { n, text: padding },
      }),
    ),
};

/** @param wakes whether commits wake it, beside looking every so often */
export function polling(pollMs: number, wakes: boolean): RelaySide {
  return {
    ...publishing,
    async setUp({ pool }) {
      await migrate({ pool });
      if (wakes) await pool.query('UPDATE exactly_once.outbox_control SET notified = true');
    },
    async start({ url, pool }, take) {
      const running = await new PollingRelay({
        ...{ pool, pollMs, targets: [localSink(take)] },
        observe: ({ error }) => fail(error),
      }).start();
      const client = wakes ? new Client({ connectionString: url }) : undefined;
      await client?.connect();
      if (client !== undefined) await listen(client, running);
      return {
        stop: async () => {
          await running.stop();
          await client?.end();
        },
      };
    },
  };
}

export const changeDataCapture: RelaySide = {
  ...publishing,
  async setUp(database) {
    const { pool } = database;
    await migrate({ pool });
    await pool.query('UPDATE exactly_once.outbox_control SET polled = false');
    // The slot is there before what it is to bring, as it is in an outbox that runs.
    const relay = await changeDataCapture.start(database, () => undefined);
    await relay.stop();
  },
  async start({ url, pool, name }, take) {
    const leading = Promise.withResolvers<undefined>();
    const relay = new CdcRelay({
      ...{ connection: { connectionString: url }, pool, slot: name, targets: [localSink(take)] },
      observe: ({ error, leads }) => {
        fail(error);
        if (leads === true) leading.resolve(undefined);
      },
    });
    const running = relay.start();
    await leading.promise;
    // It has found where to begin, and made that durable.
    await untilFound(pool, 'SELECT 1 FROM exactly_once.outbox_positions WHERE slot = $1', [name]);
    return running;
  },
};

function fail(error: unknown): void {
  if (error !== undefined) throw new Error('a relay failed in a benchmark without faults', { cause: error });
}
