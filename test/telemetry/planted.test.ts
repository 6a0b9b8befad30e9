import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import * as errors from '../../runtime/dedup/errors.js';
import { leaseId } from '../../runtime/dedup/lease-store.js';
import { table, type Table } from '../../runtime/dynamodb/index.js';
import { JobQueueClient, jobWorker } from '../../runtime/jobs/index.js';
import { leases } from '../../runtime/lease/index.js';
import { sqsConsumer } from '../../runtime/sqs/index.js';
import { logSummary, type BatchSummary } from '../../runtime/telemetry/batch-summary.js';
import { errorLine } from '../../runtime/telemetry/error-line.js';
import { dynamo, newDedupTable, newTable } from '../fixtures/dynamo.js';
import { record, sqs as newSqs } from '../fixtures/queue.js';
import { newQueue } from '../jobs/job-bench.js';

/** Stands for a key, an item's key, what a body holds, a caller, what an error quotes. */
const planted = 'alice@example.com';
const cause = new Error(`card of ${planted}`);
const notAnError = Object.setPrototypeOf(new Error(planted), null) as Error;

/** Each error of the library, with the planted text wherever a message, a row or another error may put one. */
const samples: Record<
  Exclude<keyof typeof errors, 'faultOf' | 'isFinal' | 'asThrown' | 'errorText' | 'ignore' | 'briefly'>,
  Error
> = {
  ExactlyOnceError: new errors.ExactlyOnceError(planted, { cause }),
  DependencyFailed: new errors.DependencyFailed(planted, { cause }),
  NotItsTurn: new errors.NotItsTurn(planted),
  TransactionSealed: new errors.TransactionSealed('get'),
  RejectMessage: new errors.RejectMessage(planted, { cause }),
  InvalidSettings: new errors.InvalidSettings(['tableName is empty']),
  InvalidKey: thrown(() => leaseId('mailer', 'mail', planted.repeat(200))),
  InvalidSequence: new errors.InvalidSequence(planted),
  UnserialisableValue: new errors.UnserialisableValue(`$.${planted}`, planted, { cause }),
  TransactionTooLarge: new errors.TransactionTooLarge('bytes', 2, 1),
  ItemWrittenTwice: new errors.ItemWrittenTwice('orders', planted),
  InvalidWrite: new errors.InvalidWrite('orders', planted, { cause }),
  IgnoreMessage: new errors.IgnoreMessage(planted),
  KeyReused: new errors.KeyReused(`mailer#${planted}`, 'a', 'b'),
  InProgressElsewhere: new errors.InProgressElsewhere(`mailer#${planted}`, 'INPROGRESS'),
  NewerRow: new errors.NewerRow(`mailer#${planted}`, '2', 1),
  ConditionFailed: new errors.ConditionFailed('orders', planted, { planted }),
  CommitFailed: new errors.CommitFailed(planted, { cause }),
  EpochEnded: new errors.EpochEnded('bank', '1', '2'),
  WriteRefused: new errors.WriteRefused(planted, { cause }),
  Waiting: new errors.Waiting(planted, 0, { cause }),
  LeaseHeld: new errors.LeaseHeld(leaseId('mailer', 'mail', planted), 0),
  EffectNotStarted: new errors.EffectNotStarted(planted, { cause }),
  OutcomeUnknown: new errors.OutcomeUnknown(leaseId('mailer', 'mail', planted), { cause }),
  EffectBlocked: new errors.EffectBlocked(
    leaseId('mailer', 'mail', planted),
    planted,
    'nobody knows',
    'unlock',
    {
      cause,
    },
  ),
  ResultLost: new errors.ResultLost(leaseId('mailer', 'mail', planted), planted, 'unlock', { cause }),
  LeaseLost: new errors.LeaseLost(leaseId('mailer', 'mail', planted), 'renewal', { cause }),
  EffectRepeated: new errors.EffectRepeated('mail'),
  ProcessDied: new errors.ProcessDied('id', 3),
  ParkedUntried: new errors.ParkedUntried(planted, 1n),
  ParkedWaiting: new errors.ParkedWaiting(planted, 1n, 'parked'),
  TooEarly: new errors.TooEarly(planted, 2n, 1n, planted),
  InvalidState: new errors.InvalidState('a string'),
  StateTooLarge: new errors.StateTooLarge('bytes of the item', 2, 1),
  GroupNotStopped: new errors.GroupNotStopped('mailer', planted, planted),
  InexactNumber: new errors.InexactNumber(`$.${planted}`),
  TooDeep: new errors.TooDeep(500),
  PackageMissing: new errors.PackageMissing('@aws-sdk/client-s3', 'this'),
  GivenUp: new errors.GivenUp(planted),
};

function thrown(what: () => unknown): Error {
  try {
    what();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not throw');
}

let written: string;
beforeEach(() => {
  written = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written += String(chunk);
    return true;
  });
});
afterEach(() => jest.restoreAllMocks());

const figures: BatchSummary = {
  ...{
    consumer: 'mailer',
    processed: 0,
    duplicate: 0,
    parked: 0,
    ignored: 0,
    rejected: 0,
    retry: 1,
    excused: 0,
  },
  ...{
    dead: { rejected: 0, failed: 0, died: 0, parked: 0 },
    stopped: 0,
    writeUnits: 0,
    readUnits: 0,
    calls: 0,
  },
  ...{ conflicts: 0, receiptAges: [], oldestSeconds: 0, problems: [] },
};

test('every error of the library is among the samples', () => {
  const classes = Object.entries(errors).flatMap(([name, value]) =>
    /^[A-Z]/.test(name) && typeof value === 'function' ? [name] : [],
  );
  expect(Object.keys(samples).sort()).toEqual(classes.sort());
});

test.each(Object.entries(samples))(
  'a line about %s has its name and nothing of what it quotes',
  (name, error) => {
    const problem = { outcome: 'retry', fault: 'message', messageId: 'm', keyHash: 'h' } as const;
    for (const one of [
      error,
      Object.assign(new Error(`about ${planted}`, { cause: error }), { name: 'Outer' }),
    ])
      logSummary({ ...figures, problems: [{ ...problem, error: one }] });
    expect(written).toContain(`"error":"${name}`);
    expect(written).toContain(`"error":"Outer < ${name}`);
    expect(written).not.toContain(planted);
  },
);

test('a line says where an error was thrown, also when its message looks like a stack', () => {
  const line = errorLine(new TypeError(`broken\n    at ${planted} (x.ts:1:1)`));
  expect(line).toMatchObject({ error: 'TypeError', at: expect.stringContaining('planted.test.ts') });
  expect(JSON.stringify(line)).not.toContain(planted);
  expect(errorLine(planted)).toEqual({ error: 'string' });
});

describe('on the way of messages and jobs', () => {
  const client = dynamo();
  const sqs = newSqs();
  let dedup: Table;
  let orders: Table;
  let [queueUrl, deadLetterQueueUrl]: string[] = [];
  beforeAll(async () => {
    [dedup, orders, queueUrl, deadLetterQueueUrl] = await Promise.all([
      newDedupTable(client),
      newTable(client, 'name'),
      newQueue(sqs),
      newQueue(sqs),
    ]);
  });
  afterAll(() => {
    client.destroy();
    sqs.destroy();
  });
  const context = { getRemainingTimeInMillis: () => 20_000 };
  const settings = () => ({
    ...{ consumerName: `c-${randomUUID()}`, dedupTable: dedup.name, receiptRetentionSeconds: 3600 },
    ...{ queueUrl, deadLetterQueueUrl: deadLetterQueueUrl ?? '', maxFailures: 2 },
  });
  const schema = z.object({
    who: z
      .string()
      .check(z.refine((who) => !who.startsWith('no'), { error: ({ input }) => `not ${String(input)}` })),
  });

  const handlers: [string, (tx: Parameters<Parameters<typeof sqsConsumer>[0]['handle']>[1]) => unknown][] = [
    ...Object.entries(samples).map(([name, error]): (typeof handlers)[number] => [
      `throws ${name}`,
      () => {
        throw error;
      },
    ]),
    ['throws what is no error', () => Promise.reject(notAnError)],
    ['inserts what is there', (tx) => tx.insert(named(), { name: planted })],
    ['writes an item twice', (tx) => [1, 2].forEach(() => tx.put(named(), { name: planted }))],
    ['writes what cannot be stored', (tx) => tx.put(named(), { name: planted, [planted]: () => planted })],
    [
      'has a condition that fails',
      (tx) =>
        tx.check(
          named(),
          { name: planted },
          { expression: 'attribute_not_exists(#n)', names: { '#n': 'name' } },
        ),
    ],
    ['returns what cannot be stored', () => ({ [planted]: Symbol(planted) })],
    [
      'makes an effect that throws',
      (tx) =>
        tx.once('mail', { args: planted, onUnknown: 'block', run: () => Promise.reject(new Error(planted)) }),
    ],
    [
      'makes an effect with a lost result',
      (tx) =>
        tx.once('mail', { args: planted, onUnknown: 'block', run: () => ({ [planted]: () => planted }) }),
    ],
    [
      'makes an effect twice',
      async (tx) => {
        for (let i = 0; i < 2; i += 1)
          await tx.once('mail', { args: planted, onUnknown: 'block', run: () => planted });
      },
    ],
  ];
  const named = () => table({ name: orders.name, partitionKey: 'name' });

  test.each(handlers)('a handler that %s', async (_, handle) => {
    const { PutItemCommand } = await import('@aws-sdk/client-dynamodb');
    await client.send(new PutItemCommand({ TableName: orders.name, Item: { name: { S: planted } } }));
    const consumer = sqsConsumer({
      ...{ settings: settings(), schema, dynamodb: client, sqs, leases: leases() },
      key: ({ body }) => body.who,
      handle: (_message, tx) => handle(tx),
    });
    for (let receiveCount = 1; receiveCount <= 2; receiveCount += 1)
      await consumer({ Records: [record({ body: { who: planted }, receiveCount })] }, context);
    expect(written).toContain('"exactlyOnce":"batch"');
    expect(written).not.toContain(planted);
  });

  test.each([
    ['the schema refuses', JSON.stringify({ who: `no ${planted}` })],
    ['is no JSON', `{"who": ${planted}`],
    ['has a number that no double holds', `{"who":"x","${planted}":0.12345678901234567890123}`],
    ['has no key', JSON.stringify({ who: '' })],
  ])('a body that %s', async (_, body) => {
    const consumer = sqsConsumer({
      ...{ settings: settings(), schema, dynamodb: client, sqs, handle: () => undefined },
      key: ({ body: { who } }) => who,
    });
    await consumer({ Records: [record({ body: body.includes(planted) ? body : body })] }, context);
    expect(written).toContain('"exactlyOnce":"problem"');
    expect(written).not.toContain(planted);
  });

  test('a job', async () => {
    const { consumerName, ...rest } = settings();
    const jobs = new JobQueueClient({
      settings: { consumerName, dedupTable: dedup.name, retentionSeconds: 3600, queueUrl: queueUrl ?? '' },
      ...{ dynamodb: client, sqs },
    });
    await jobs.enqueue(planted, { who: planted });
    const worker = jobWorker({
      ...{ settings: { consumerName, ...rest }, schema, dynamodb: client, sqs },
      run: () => {
        throw new Error(planted);
      },
    });
    for (const body of [
      { jobId: planted, payload: { who: planted } },
      { jobId: planted, payload: { who: 'other' } },
    ])
      await worker({ Records: [record({ body })] }, context);
    expect(written).toContain('"exactlyOnce":"problem"');
    expect(written).not.toContain(planted);
  });
});
