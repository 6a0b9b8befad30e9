import { installedMajor, olderVersions } from '../targets/postgres/versions.js';

/** A proof with its full budget. Its small one, with a fixed seed, is part of `npm test`. */
export interface Proof {
  /** Name of its result, `prove/results/<name>.json`. */
  readonly name: string;
  /** What it shows, in one sentence. */
  readonly shows: string;
  /** Test files, as Jest matches them. */
  readonly tests: readonly string[];
  /** What makes the run the full one. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Runs with these variables beside `environment`, or in place of one there, as many at once as the machine has
   * cores. `PROOF_FILES` and `PROOF_TESTS`, regular expressions, say which of the files and of their tests belong to
   * one. @default - one run, with no others
   */
  readonly parts?: readonly Readonly<Record<string, string>>[];
  /**
   * Folders and files whose change makes the result stale, beside the tests themselves. Of `runtime` only what the
   * others import.
   */
  readonly covers: readonly string[];
}

const engine = ['runtime/dedup', 'runtime/dynamodb', 'runtime/consumer', 'runtime/sqs'];

/** The newest Postgres with the proof's own budget, the older ones with a smaller one each. */
function onEveryPostgres(smaller: Readonly<Record<string, string>>): readonly Record<string, string>[] {
  const older = Object.keys(olderVersions).map((major) => ({ POSTGRES_VERSION: major, ...smaller }));
  return [{ POSTGRES_VERSION: installedMajor }, ...older];
}

export const proofs: readonly Proof[] = [
  {
    name: 'model',
    shows:
      'In 1,000,000 random interleavings of duplicates, reorderings, crashes, slow instances and lost answers nothing is lost, doubled or out of order.',
    tests: ['test/model/model.test.ts', 'test/model/unhappy.test.ts'],
    environment: { PROOF_RUNS: '20850' },
    // Each takes some minutes, so that a run that is ended loses little.
    parts: ['aggregate', 'transaction', 'insert'].flatMap((way) =>
      ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((seed) => ({ MODEL_WAY: way, MODEL_SEED: seed })),
    ),
    covers: [...engine, 'test/model'],
  },
  {
    name: 'mutation',
    shows:
      'Without any one of the conditions and decisions the model finds a message lost, doubled or out of order.',
    tests: ['test/model/mutation.test.ts'],
    environment: {},
    covers: [...engine, 'test/model'],
  },
  {
    name: 'conformance',
    shows: 'The DynamoDB of the model answers random requests as the emulator does.',
    tests: ['test/model/conformance.test.ts'],
    environment: { CONFORMANCE_RUNS: '1000' },
    covers: ['runtime/dynamodb/conditions.ts', 'test/model'],
  },
  {
    name: 'crash',
    shows: 'A process killed 50 times at every crash point of every way loses nothing and doubles nothing.',
    tests: ['test/crash'],
    environment: { CRASH_HITS: '50' },
    covers: [...engine, 'test/crash'],
  },
  {
    name: 'outbox',
    shows:
      'An outbox whose relay is killed 50 times, runs twice, or whose stream is lost or off for a day, one of whose targets is down, hangs or refuses, reaches every consumer: nothing lost, nothing doubled, every aggregate in order, with filters, too; and 10,000 rows are swept in runs of 5 seconds.',
    tests: [
      'test/outbox/delivery.test.ts',
      'test/outbox/trouble.test.ts',
      'test/outbox/sweep.test.ts',
      'test/outbox/sweep-process.test.ts',
      'test/outbox/mutation.test.ts',
    ],
    environment: { RELAY_KILLS: '50', RELAY_ROUNDS: '200', RELAY_REFUSES: '0.01', SWEEP_SHARE: '1' },
    covers: [...engine, 'runtime/send', 'runtime/outbox', 'test/outbox'],
  },
  {
    name: 'channel',
    shows:
      'A channel that is throttled in the middle of a run and spilled, or moved FIFO -> Standard -> FIFO under load, its producers and consumers killed, loses nothing and doubles nothing; versions keep every aggregate in order.',
    tests: ['test/channel/spillover.test.ts', 'test/channel/migration.test.ts'],
    environment: { CRASH_HITS: '25' },
    covers: [...engine, 'runtime/send', 'runtime/channel', 'test/channel'],
  },
  {
    name: 'kafka-processor',
    shows:
      'Processors killed 50 times, over three brokers of which one at a time is killed, 10 times, write every record once to every output, as the Java consumer of Kafka counts them with read_committed; a zombie thawed after the rebalance is refused, slots are restarted in turn without a stall, and nothing is lost of a topic created anew, nor when a transaction is aborted while the answer to one of its batches is lost, nor beside a record that its topic refuses.',
    tests: ['test/kafka/processor'],
    environment: { KAFKA_KILLS: '50', KAFKA_BROKER_KILLS: '10', KAFKA_RECORDS: '100000' },
    covers: ['runtime/kafka/processor', 'test/kafka/processor', 'targets/kafka'],
  },
  {
    name: 'leases',
    shows:
      'Of 1,000 effects outside the store, their processes killed at every point, none acts twice, and none is forgotten: each is done or listed as blocked.',
    tests: ['test/lease/kills.test.ts', 'test/lease/mutation.test.ts'],
    environment: { LEASE_JOBS: '1000' },
    covers: ['runtime/dedup', 'runtime/dynamodb', 'runtime/lease', 'test/lease'],
  },
  {
    name: 'jobs',
    shows: 'A job whose worker is killed 50 times at every point is done once, on DynamoDB and on Postgres.',
    tests: ['test/jobs/kills.test.ts'],
    environment: { CRASH_HITS: '50' },
    covers: [...engine, 'runtime/lease', 'runtime/jobs', 'runtime/postgres', 'test/jobs'],
  },
  {
    name: 'kafka-consumer',
    shows:
      "In 20,000 storms over Lambda's Kafka mapping (deaths at every crash point, lost answers, zombies, copies, splits, partial responses of both kinds, topics made anew) no record is lost, none acts twice, and every partition keeps its order; nor through 50 kills at every crash point, on DynamoDB and on Postgres.",
    tests: [
      'test/kafka/storm.test.ts',
      'test/kafka/consumer.test.ts',
      'test/kafka/kills.test.ts',
      'test/kafka/postgres.test.ts',
    ],
    environment: { KAFKA_RUNS: '10000', CRASH_HITS: '50' },
    parts: ['1', '2'].map((seed) => ({ KAFKA_SEED: seed })),
    covers: [...engine, 'runtime/kafka', 'targets/event-source/kafka', 'test/kafka'],
  },
  {
    name: 'redrive',
    shows:
      'Of 500 dead letters in 20 groups each acts once and in order, also when the redrive is killed half-way or runs twice at once.',
    tests: ['test/cli/redrive.test.ts'],
    environment: { REDRIVE_MESSAGES: '500' },
    covers: [...engine, 'cli', 'test/cli'],
  },
  {
    name: 'postgres',
    shows:
      'A consumer on Postgres, killed 200 times at every point and its connections cut at random under load, loses nothing and doubles nothing, where an inbox that looks, acts and then marks doubles in the same run, beside the inbox of pg-transactional-outbox; versions act in their order; the store keeps the contract of a way by receipts and by positions, at two isolation levels each. An API, on Postgres and on DynamoDB, killed 40 times at every point, acts once and answers as it did. All of it on Postgres 18, and with 10 kills for 40 on 15, 16 and 17.',
    tests: [
      'test/contract/postgres.test.ts',
      'test/postgres/kills.test.ts',
      'test/postgres/aggregate.test.ts',
      'test/postgres/own-transaction.test.ts',
      'test/postgres/leases.test.ts',
      'test/postgres/rds-proxy.test.ts',
      'test/api/crash.test.ts',
      'test/api/postgres.test.ts',
      'test/api/postgres-leases.test.ts',
    ],
    environment: { POSTGRES_KILLS: '40', CRASH_HITS: '40' },
    parts: onEveryPostgres({ POSTGRES_KILLS: '10', CRASH_HITS: '10' }),
    covers: [
      'runtime/api',
      'runtime/dedup',
      'runtime/consumer',
      'runtime/sqs',
      'runtime/lease',
      'runtime/postgres',
      'targets/postgres',
      'test/postgres',
      'test/contract/way-contract.ts',
    ],
  },
  {
    name: 'sinks',
    shows:
      'Sinks of Postgres, DynamoDB, S3 and Iceberg hold every row of 100,000 once, two processes of each killed 50 times at random, one frozen and let go, over a log whose connector began again in the middle of transactions; a sink over a real Kafka, killed as often, meets a topic made anew by name. From a real Postgres by Debezium, Connect and three brokers to three sinks the auditor finds every sink exact: sinks killed 50, Connect 10 and brokers 5 times in 100,000 payments; Connect without exactly-once support killed 20 times; the cluster lost and made anew.',
    tests: ['test/cdc'],
    environment: {
      SINK_KILLS: '50',
      CDC_RETOLD_RUNS: '20000',
      SINK_ROWS: '100000',
      KAFKA_SOURCE_KILLS: '50',
      KAFKA_SOURCE_RECORDS: '100000',
      CDC_ROWS: '100000',
      CDC_SINK_KILLS: '50',
      CDC_CONNECT_KILLS: '10',
      CDC_BROKER_KILLS: '5',
      CDC_PLAIN_CONNECT_KILLS: '20',
    },
    // The longest first: what is short fills the core that is left.
    parts: [
      { PROOF_FILES: 'test/cdc/pipeline', PROOF_TESTS: 'sinks killed' },
      ...['DynamoDB', 'S3', 'Iceberg', 'Postgres'].map((sink) => ({
        PROOF_FILES: 'test/cdc/kills',
        PROOF_TESTS: `^${sink}:`,
      })),
      { PROOF_FILES: 'test/cdc/pipeline', PROOF_TESTS: 'without exactly-once support' },
      { PROOF_FILES: 'test/cdc/kafka-source' },
      { PROOF_FILES: 'test/cdc/pipeline', PROOF_TESTS: 'begins anew' },
      { PROOF_FILES: 'test/cdc/(?!kills|pipeline|kafka-source)' },
    ],
    covers: ['runtime/cdc', 'test/cdc', 'drive/cdc', 'lambdas/cdc'],
  },
  {
    name: 'webhooks',
    shows:
      'Of webhooks whose sender is killed 25 times at every point, and whose receiver is killed as often, none is lost and each acts once; the schedule is kept whatever an endpoint answers, one that hangs keeps nothing from the others, and 10,000 deliveries leave memory as it was. Through the deployed receiver every sender and every payload example of GitHub, three times in any order, acts once; changed, foreign, early and late ones are refused.',
    tests: [
      'test/webhook/deployed.test.ts',
      'test/webhook/kills.test.ts',
      'test/webhook/sender/kills.test.ts',
      'test/webhook/sender/answers.test.ts',
      'test/webhook/sender/order.test.ts',
      'test/webhook/sender/fairness.test.ts',
      'test/webhook/sender/mutation.test.ts',
    ],
    environment: {
      WEBHOOK_KILLS: '25',
      WEBHOOK_DELIVERIES: '10000',
      WEBHOOK_EXAMPLES_EVERY: '1',
      WEBHOOK_FLIPS: '20',
    },
    covers: [
      ...engine,
      'runtime/api',
      'runtime/http',
      'runtime/outbox',
      'runtime/postgres',
      'runtime/webhook',
      'lib/webhook',
      'test/webhook',
    ],
  },
  {
    name: 'postgres-outbox',
    shows:
      'Either relay of an outbox in Postgres, killed 50 times under load, two at once, its slot dropped, beside COPY and two long transactions that interleave, reaches its consumer: nothing lost, nothing doubled, every aggregate in order; a transaction that stays open delays nobody else; on Postgres 18, and with 12 kills on 15, 16 and 17.',
    tests: [
      'test/postgres/outbox-kills.test.ts',
      'test/postgres/outbox-polling.test.ts',
      'test/postgres/outbox-cdc.test.ts',
    ],
    environment: { RELAY_KILLS: '50' },
    parts: onEveryPostgres({ RELAY_KILLS: '12' }),
    covers: [
      'runtime/dedup',
      'runtime/send',
      'runtime/outbox',
      'runtime/postgres/outbox',
      'targets/postgres',
      'test/postgres',
    ],
  },
];
