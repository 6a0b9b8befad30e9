import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import * as z from 'zod/mini';
import { Meter } from '../../runtime/dedup/meter.js';
import { beginText } from '../../runtime/postgres/begin.js';
import { migrate, postgresConsumer, postgresWay } from '../../runtime/postgres/index.js';
import { takeReceipt } from '../../runtime/postgres/receipts.js';
import { startPostgres } from '../../targets/postgres/index.js';
import type { Benchmark } from '../benchmark.js';
import { rowsOf, type Sample } from '../row.js';

/** Transactions at once: each has a connection of its own. As many as a batch has messages. */
const atOnce = 10;
const warmMs = 1_500;
/** Both sides take turns, so that what else the machine does falls on both. */
const turns = 4;
const turnMs = 750;
const counters = 500;
const isolation = 'repeatable read';
const schema = z.object({ id: z.string() });
const adding = 'UPDATE counters SET value = value + 1 WHERE name = $1';

/** Makes messages act, one call after the other, until it is told to stop. @returns how many have acted. */
type Side = (isOver: () => boolean) => Promise<number>;

export const postgres: Benchmark = {
  name: 'postgres',
  about:
    'one increment per message on Postgres with its receipt, 10 transactions at once: transactions a second beside the same statements sent by hand with pg',
  notMeasured: [
    'a disk: fsync is off, which makes transactions cheap and what the library adds to them weigh more than it does anywhere else',
    'a network: a round trip to a local server is shorter than to RDS',
    'the inbox of other libraries: the peer is no library, and has no fingerprints, failures or order',
    'figures in themselves: server and clients share one machine, so only the ratio of both sides means something',
  ],
  usesEngine: false,
  async run({ runs, log }) {
    const server = await startPostgres();
    const pool = new Pool({ connectionString: server.url(), max: atOnce });
    try {
      await migrate({ pool });
      await pool.query('CREATE TABLE counters (name text PRIMARY KEY, value integer NOT NULL)');
      await pool.query('INSERT INTO counters SELECT i::text, 0 FROM generate_series(0, $1) i', [
        counters - 1,
      ]);
      const sides = {
        hand: inLoops(() => actedByHand(pool, `bench#${randomUUID()}`)),
        batch: inBatches(pool),
        way: way(pool),
        consumer: consumer(pool),
      };
      for (const side of Object.values(sides)) await rate(side, warmMs);
      const samples: Sample[][] = [];
      for (let run = 0; run < runs; run += 1) {
        const measured = { hand: 0, batch: 0, way: 0, consumer: 0 };
        for (let turn = 0; turn < turns; turn += 1)
          for (const name of ['hand', 'way', 'batch', 'consumer'] as const)
            measured[name] += (await rate(sides[name], turnMs)) / turns;
        samples.push(
          [
            sample('the way by itself', measured.way, measured.hand),
            sample('a consumer, one batch of ten after the other', measured.consumer, measured.batch),
          ].flat(),
        );
        log(`postgres: run ${run + 1} of ${runs}`);
      }
      return { rows: rowsOf(samples, 'the same SQL by hand') };
    } finally {
      await pool.end();
      await server.stop();
    }
  },
};

function sample(name: string, ours: number, peer: number): Sample[] {
  return [
    { measure: 'transactions/s', case: name, ours, peer, unit: '/s' },
    { measure: 'transactions/s against the peer', case: name, ours: ours / peer, peer: 1, unit: '×' },
  ];
}

async function rate(side: Side, ms: number): Promise<number> {
  const began = performance.now();
  const acted = await side(() => performance.now() - began >= ms);
  return (acted * 1000) / (performance.now() - began);
}

const counter = () => String(Math.floor(Math.random() * counters));

/** The statements of the library, and nothing else. */
async function actedByHand(pool: Pool, id: string): Promise<number> {
  const client = await pool.connect();
  try {
    for (;;)
      try {
        await client.query(beginText(isolation, 20_000));
        const { rows } = await client.query(takeReceipt, [id, 'f', randomUUID(), 3600]);
        if (rows.length > 0) await client.query(adding, [counter()]);
        await client.query('COMMIT');
        return 1;
      } catch {
        // Two changed one counter: Postgres refuses the later one, and whoever wrote this by hand does it again.
        await client.query('ROLLBACK');
      }
  } finally {
    client.release();
  }
}

/**
 * Ten side by side, and the next ten when all of them are through: as batches of a queue come, whose bodies somebody
 * has to parse and to check there, too.
 */
function inBatches(pool: Pool): Side {
  const one = ({ body }: { readonly body: string }) => {
    const { id } = schema.parse(JSON.parse(body));
    return actedByHand(pool, `bench#${id}`);
  };
  return async (isOver) => {
    let acted = 0;
    while (!isOver()) {
      const done = await Promise.all(Array.from({ length: atOnce }, newRecord).map(one));
      acted += done.reduce((sum, each) => sum + each, 0);
    }
    return acted;
  };
}

function inLoops(one: () => Promise<number>): Side {
  return async (isOver) => {
    let acted = 0;
    const loop = async () => {
      // Not `+= await`, which reads the sum before it waits.
      while (!isOver()) {
        const done = await one();
        acted += done;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    return acted;
  };
}

function way(pool: Pool): Side {
  const it = postgresWay<{ key: string }>({
    pool,
    retentionSeconds: 3600,
    isolation,
    handle: async (_, tx) => {
      await tx.query(adding, [counter()]);
    },
  });
  return inLoops(async () => {
    const limits = { deadline: Date.now() + 20_000, meter: new Meter() };
    const key = randomUUID();
    const message = { id: `bench#${key}`, fingerprint: 'f', message: { key } };
    const unit = await it.prepare(message, { lane: key, ahead: false, limits: () => limits });
    const { outcomes } = await it.commit([unit], limits);
    return outcomes.get(unit)?.kind === 'processed' ? 1 : 0;
  });
}

function consumer(pool: Pool): Side {
  const handle = postgresConsumer({
    settings: { consumerName: 'bench', deadLetterQueueUrl: 'none' },
    receiptRetentionSeconds: 3600,
    schema,
    pool,
    isolation,
    key: ({ body }) => body.id,
    handle: async (_, tx) => {
      await tx.query(adding, [counter()]);
    },
    observe: () => undefined,
  });
  return async (isOver) => {
    let acted = 0;
    while (!isOver()) {
      const Records = Array.from({ length: atOnce }, newRecord);
      const { batchItemFailures } = await handle({ Records }, { getRemainingTimeInMillis: () => 20_000 });
      acted += Records.length - batchItemFailures.length;
    }
    return acted;
  };
}

function newRecord() {
  const messageId = randomUUID();
  const now = String(Date.now());
  return {
    messageId,
    receiptHandle: messageId,
    body: JSON.stringify({ id: messageId }),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: now,
      SenderId: 'bench',
      ApproximateFirstReceiveTimestamp: now,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:bench',
    awsRegion: 'us-east-1',
  };
}
