import { floorEngine } from './engine.js';
import { noEngine, type Result } from './results.js';

/** A figure of ours that must be reached. */
export interface Floor {
  readonly promise: string;
  readonly benchmark: string;
  readonly measure: string;
  readonly case: string;
  readonly must: { readonly atMost: number } | { readonly atLeast: number };
  /** Why it is not reached. A floor without this is. */
  readonly missedBecause?: string;
}

const cost = (promise: string, measure: string, name: string, atMost: number): Floor => ({
  promise,
  benchmark: 'cost',
  measure,
  case: name,
  must: { atMost },
});

const against = (promise: string, name: string, atLeast: number, missedBecause: string): Floor => ({
  promise,
  benchmark: 'speed',
  measure: 'messages/s against the peer',
  case: name,
  must: { atLeast },
  missedBecause,
});

const queues = ['transaction, FIFO', 'aggregate, FIFO', 'transaction, Standard'];
const neverWrong = (promise: string, benchmark: string, measure: string): Floor[] =>
  queues.map((name) => ({
    promise: `${promise} (${name})`,
    benchmark,
    measure,
    case: name,
    must: { atMost: 0 },
  }));

const coldImport = (sdk: 'inside' | 'outside', missedBecause?: string): Floor => ({
  promise: `cold import over the bare client, ms (AWS SDK ${sdk})`,
  benchmark: 'cold-start',
  measure: 'over the bare client',
  case: `AWS SDK ${sdk} the bundle`,
  must: { atMost: 3 },
  missedBecause,
});

const ofSinks = (promise: string, measure: string, name: string, must: Floor['must']): Floor => ({
  promise,
  benchmark: 'sinks',
  measure,
  case: name,
  must,
});

/** What the engine has to hold, measured on DynamoDB Local with batches of ten. */
export const floors: readonly Floor[] = [
  cost('WRU per message, one group, aggregate, warm', 'WRU per message', 'aggregate, 1 group, unique', 0.1),
  cost('RRU per message, one group, aggregate, warm', 'RRU per message', 'aggregate, 1 group, unique', 0),
  cost('WRU per message, ten groups, aggregate', 'WRU per message', 'aggregate, 10 groups, unique', 1),
  cost('WRU per message, insert', 'WRU per message', 'insert, 10 groups, unique', 1),
  cost(
    'WRU per message, transaction: receipt + one effect',
    'WRU per message',
    'transaction, 10 groups, unique',
    4,
  ),
  cost(
    'calls in sequence per batch, one group, aggregate',
    'calls in sequence per batch',
    'aggregate, 1 group, unique',
    1,
  ),
  cost(
    'calls in sequence per batch, one group, packed',
    'calls in sequence per batch',
    'transaction, 1 group, unique',
    1,
  ),
  against(
    'messages/s against the peer, aggregate',
    'aggregate',
    20,
    'half of the time of a batch is the one call of the SDK, and the other half reads, checks and folds ten messages',
  ),
  against(
    'messages/s against the peer, packed transactions',
    'packed transactions',
    5,
    'the engine takes no more: the same transactions by hand are hardly faster (docs/decisions/0006)',
  ),
  against(
    'messages/s against the peer, single transactions',
    'single transactions',
    2,
    'the engine takes no more: the same transactions by hand are hardly faster (docs/decisions/0006)',
  ),
  ...neverWrong('runs left wrong of 200, SIGKILL', 'kills', 'runs left wrong of 200 by SIGKILL'),
  ...neverWrong(
    'runs left wrong of 200, lost answer',
    'lost-answers',
    'runs left wrong of 200 by a lost answer',
  ),
  ...neverWrong(
    'runs left wrong of 200, SDK retry',
    'lost-answers',
    'runs left wrong of 200 by a retry of the SDK',
  ),
  {
    promise: 'round trips of an API request over the bare handler: its first request',
    benchmark: 'api',
    measure: 'round trips per request',
    case: 'first',
    must: { atMost: 1 },
  },
  {
    promise: 'core runtime loaded at start, kB',
    benchmark: 'size',
    measure: 'loaded at start',
    case: 'core runtime (transaction way)',
    must: { atMost: 25 },
    missedBecause:
      'nothing of failures is left in it: a third are the checks of the transaction, which a handler is told at once; the rest is the way of a batch, the first commit, and SQS (docs/decisions/0005)',
  },
  {
    promise: 'core runtime bundle, kB',
    benchmark: 'size',
    measure: 'bundle',
    case: 'core runtime (transaction way)',
    must: { atMost: 45 },
    missedBecause:
      'more than half of it is loaded only when a message fails, comes again or meets another: verdicts, stopped groups, parking, dead letters (docs/decisions/0005)',
  },
  {
    promise: 'reference consumer whole, kB',
    benchmark: 'size',
    measure: 'bundle',
    case: 'reference consumer whole (with zod/mini)',
    must: { atMost: 45 },
    missedBecause: 'the core runtime as above, what publishes events, and 21 kB of zod/mini',
  },
  coldImport(
    'inside',
    'the start is two files since handlers are bundled twice; what is left is code that is read at start (docs/decisions/0005)',
  ),
  coldImport('outside'),
  {
    promise: 'latency of webhooks beside 5 of 50 endpoints that hang, p95',
    benchmark: 'webhook-latency',
    measure: 'latency beside hanging ones, against none',
    case: 'p95 of those that answer',
    must: { atMost: 1.2 },
  },
  ofSinks('input of a sink per core, passed on unread, MB/s', 'input, per core', 'passed on unread, gzip 1', {
    atLeast: 50,
  }),
  ofSinks('input of a sink per core, transformed, MB/s', 'input, per core', 'transformed, gzip 1', {
    atLeast: 20,
  }),
  ofSinks(
    'memory that a sink holds, in bytes of its batch',
    'memory held at a write, of the batch',
    'batches of 8 MiB',
    { atMost: 6 },
  ),
  ofSinks(
    'memory that a sink holds at its last batch, of an early one',
    'memory held at the last write, of an early one',
    'batches of 8 MiB',
    { atMost: 1.1 },
  ),
  {
    promise: 'records/s of the Kafka processor, of the same client without transactions',
    benchmark: 'kafka',
    measure: 'records/s against the peer',
    case: 'one topic to another, 1000 bytes, commits every 100 ms',
    must: { atLeast: 0.9 },
  },
  ...['the way by itself', 'a consumer, one batch of ten after the other'].map((name): Floor => ({
    promise: `transactions/s on Postgres, of the same SQL by hand: ${name}`,
    benchmark: 'postgres',
    measure: 'transactions/s against the peer',
    case: name,
    must: { atLeast: 0.9 },
  })),
  {
    promise: 'events/s of a relay that polls a Postgres outbox',
    benchmark: 'postgres-outbox',
    measure: 'events/s',
    case: 'polling every 50 ms',
    must: { atLeast: 5_000 },
  },
];

export interface Verdict {
  readonly floor: Floor;
  /** Null where nothing fit to be judged has been measured. */
  readonly ours: number | null;
  readonly peer: number | null;
  /** Undefined: reached. */
  readonly miss?: string;
}

/** Holds every floor against the results. What has not been measured is missed. */
export function judge(results: ReadonlyMap<string, Result>, against: readonly Floor[] = floors): Verdict[] {
  return against.map((floor): Verdict => {
    const result = results.get(floor.benchmark);
    const missing = (why: string): Verdict => ({
      floor,
      ours: null,
      peer: null,
      miss: `${floor.promise}: ${why}`,
    });
    const howTo = `run DYNAMODB_LOCAL=1 npm run bench -- ${floor.benchmark} --save`;
    if (result === undefined) return missing(`there is no result of '${floor.benchmark}'; ${howTo}`);
    if (result.engine !== floorEngine && result.engine !== noEngine)
      return missing(`measured on ${result.engine}, the floor is for ${floorEngine}; ${howTo}`);
    const row = result.rows.find((one) => one.measure === floor.measure && one.case === floor.case);
    if (row?.ours === undefined || row.ours === null)
      return missing(
        `the result of '${floor.benchmark}' has no '${floor.measure}' of '${floor.case}'; ${howTo}`,
      );
    const { ours, peer } = row;
    const reached = 'atMost' in floor.must ? ours <= floor.must.atMost : ours >= floor.must.atLeast;
    const miss = reached ? undefined : `${floor.promise}: must be ${mustText(floor)}, is ${ours}`;
    return { floor, ours, peer, miss };
  });
}

export function mustText({ must }: Floor): string {
  return 'atMost' in must ? `at most ${must.atMost}` : `at least ${must.atLeast}`;
}
