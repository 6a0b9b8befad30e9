import { bundled, type Bundled } from '../../bench/bundle.js';
import { ourCore, ourReference } from '../../bench/entries.js';

/**
 * What an instance loads before its first message, by room. A module that comes to this list has to be on the way of
 * an ordinary message: of one that is new, fits its schema, and is committed at the first call. Whatever else there
 * is belongs behind one of the `import()`s.
 */
const onTheWay = [
  // The engine: a batch, its lanes, the way of a message, copies within a batch, and the line at the end.
  'runtime/consumer/arrival.ts',
  'runtime/consumer/batch.ts',
  'runtime/consumer/copies.ts',
  'runtime/consumer/gathering.ts',
  'runtime/consumer/lane.ts',
  'runtime/consumer/pace.ts',
  'runtime/consumer/recognise.ts',
  'runtime/consumer/run.ts',
  'runtime/consumer/summary.ts',
  // A lane asks its table whether what is said behind uncommitted messages is a verdict.
  'runtime/consumer/verdict.ts',
  // What decoders return. Behind the room's index it cannot be told from what the index needs.
  'runtime/consumer/decode/decode.ts',
  // Identity and fingerprint. Numbers of many digits, and whatever else needs the exact parser, are not here.
  'runtime/dedup/crash-points.ts',
  'runtime/dedup/deep-freeze.ts',
  'runtime/dedup/fingerprint.ts',
  'runtime/dedup/json-data.ts',
  'runtime/dedup/history.ts',
  'runtime/dedup/identity.ts',
  'runtime/dedup/let-go.ts',
  'runtime/dedup/meter.ts',
  'runtime/dedup/plain-json.ts',
  'runtime/dedup/sequence.ts',
  'runtime/dedup/timer-ms.ts',
  'runtime/dedup/unless-aborted.ts',
  // Errors that are thrown at start or inside of a handler, where nothing can be loaded first. All others are in
  // trouble-errors.ts.
  'runtime/dedup/error.ts',
  'runtime/dedup/error-kind.ts',
  // The transaction of the handler: its calls check what they are given at once.
  'runtime/dynamodb/attribute-value.ts',
  'runtime/dynamodb/session.ts',
  'runtime/dynamodb/table.ts',
  'runtime/dynamodb/transaction.ts',
  'runtime/dynamodb/write.ts',
  'runtime/dedup/same-value.ts',
  // The first commit.
  'runtime/dynamodb/api-conditions.ts',
  'runtime/dynamodb/commit-attempt.ts',
  'runtime/dynamodb/commit-conditions.ts',
  'runtime/dynamodb/dynamo-store.ts',
  'runtime/dynamodb/handling.ts',
  'runtime/dynamodb/new-client.ts',
  'runtime/dynamodb/pack.ts',
  'runtime/dynamodb/receipt.ts',
  'runtime/dynamodb/send.ts',
  'runtime/dynamodb/transaction-way.ts',
  // SQS records in, batch item failures out.
  'runtime/sqs/delivery.ts',
  // Asks of each body whether it may be in an envelope.
  'runtime/sqs/envelopes.ts',
  'runtime/sqs/handler.ts',
  'runtime/sqs/letter.ts',
  'runtime/sqs/message-attributes.ts',
  'runtime/sqs/transaction-consumer.ts',
  'runtime/sqs/transport.ts',
  // The line at the end of a batch.
  'runtime/telemetry/batch-summary.ts',
  'runtime/telemetry/error-line.ts',
  'runtime/telemetry/log-line.ts',
  // Says at start that Node.js is too old.
  'runtime/telemetry/node-version.ts',
  'runtime/telemetry/tell.ts',
];

/** Other ways, leases, the outbox, decoders: in the bundle of whoever uses them. */
const elsewhere =
  /^runtime\/(sqs\/(aggregate|insert|natural|queue-numbers|settings|decode)|dynamodb\/(aggregate|early|gaps|insert|lease|outbox|blocked|warm)|dedup\/(fold|ledger|marks|stream)|api|jobs|lease|outbox|postgres|client|http)/;

let core: Bundled;
beforeAll(async () => {
  core = await bundled(ourCore);
});

test('an instance loads nothing at start that an ordinary message does not need', () => {
  const ours = (path: string) => path.startsWith('runtime/');
  expect(core.modulesAtStart.filter(ours).filter((path) => !onTheWay.includes(path))).toEqual([]);
});

test('what is listed as loaded at start is loaded at start', () => {
  expect(onTheWay.filter((path) => !core.modulesAtStart.includes(path))).toEqual([]);
});

test('the bundle of a transaction consumer holds no other way, no lease, no outbox and no decoder', () => {
  expect(core.modules.filter((path) => elsewhere.test(path))).toEqual([]);
});

test('a handler that publishes and validates still has only its own at start: nothing of failures', async () => {
  const { modulesAtStart } = await bundled(ourReference);
  expect(
    modulesAtStart.filter((path) =>
      /\/(consumer\/(trouble|give-up|drain)|dynamodb\/(again|contention|cancelled))/.test(path),
    ),
  ).toEqual([]);
});

/** What it is now and 1 kB: growth is a decision. What is aimed at is a floor of the benchmarks (bench/floors.ts). */
test.each([
  ['loaded at start', 'atStart', 44_000],
  ['in the whole bundle', 'whole', 102_000],
] as const)('bytes %s do not grow unseen', (_, bytes, most) => {
  expect(core[bytes]).toBeLessThanOrEqual(most);
});
