import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { CfnParameter, Duration, Stack, Stage } from 'aws-cdk-lib';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  JobQueue,
  MessageChannel,
  OutboxRelay,
  OutboxTable,
  RelayTarget,
} from '../../lib/index.js';
import { noopEntry } from '../fixtures/construct-stack.js';
import { newApp, outdir, path, reportOf, rowsOf } from './reported.js';

test('a synth writes every inequality with its values', () => {
  const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { maxConcurrency: 5 }));
  expect(rowsOf(report, 'Stack/Mail (IdempotentConsumer)').map((cells) => cells.slice(0, 3))).toEqual([
    [
      'visibility-covers-the-function',
      "visibility timeout of 'Stack/MailChannel' is 3 minutes",
      'at least 3 minutes (6 x timeout + maxBatchingWindow)',
    ],
    [
      'function-has-room',
      'timeout is 30 seconds',
      'at least 3 seconds (time to handle and commit one message)',
    ],
    ['batch-fits-one-transaction', 'batchSize is 10', 'a whole number from 1 to 10'],
    [
      'receipts-outlive-the-horizon',
      'receiptRetention is 86 days',
      'at least 86 days (producerRetryHorizon + (1 + maxRedrives) x (retention + deadLetterRetention))',
    ],
    ['concurrency-limited-at-the-mapping', 'maxConcurrency is 5', 'a whole number from 2 to 1000'],
    ['consumer-name-unique', "consumerName is 'mail'", "unique on the table 'Stack/MailDedup'"],
  ]);
  expect(rowsOf(report, 'Stack/MailChannel (MessageChannel)')).toEqual([
    [
      'dead-letters-outlive-the-queue',
      'deadLetterRetention is 14 days',
      'at least 4 days (retention)',
      'a failed message expires before anybody can repair it (lost)',
    ],
  ]);
});

test('the order does not depend on the order of construction', () => {
  const built = (...ids: string[]) =>
    reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      for (const id of ids) path(stack, id);
    });
  const report = built('Alpha', 'Beta');
  expect(built('Beta', 'Alpha')).toBe(report);
  expect(report.indexOf('Stack/Alpha (')).toBeLessThan(report.indexOf('Stack/Beta ('));
});

test('a second synth into the same folder replaces the report', () => {
  reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { batchSize: 10 }));
  const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { batchSize: 9 }));
  expect(report).toContain('batchSize is 9');
  expect(report).not.toContain('batchSize is 10');
});

test('constructs in stages of an app are in the one report of the app', () => {
  const report = reportOf((app) => {
    for (const name of ['Test', 'Live']) path(new Stack(new Stage(app, name), 'Stack'), 'Mail');
  });
  for (const name of ['Test', 'Live'])
    expect(rowsOf(report, `${name}/Stack/Mail (IdempotentConsumer)`)).toHaveLength(5);
});

test('what is known only at deployment is not claimed', () => {
  const report = reportOf((app) => {
    const stack = new Stack(app, 'Stack');
    path(stack, 'Mail', { batchSize: new CfnParameter(stack, 'Batch', { type: 'Number' }).valueAsNumber });
  });
  expect(rowsOf(report, 'Stack/Mail (IdempotentConsumer)').map(([id]) => id)).toEqual([
    'visibility-covers-the-function',
    'function-has-room',
    'receipts-outlive-the-horizon',
    'consumer-name-unique',
  ]);
});

test('an app without channels and consumers gets no report', () => {
  const app = newApp();
  new DedupTable(new Stack(app, 'Stack'), 'Dedup');
  app.synth();
  expect(existsSync(join(outdir, 'GUARANTEES.md'))).toBe(false);
});

describe('resources that the app does not make', () => {
  const arn = (service: string, name: string) => `arn:aws:${service}:eu-west-1:123456789012:${name}`;

  /** A path over a queue, a table and a function that all belong to somebody else. */
  function foreignPath(app: App): void {
    const stack = new Stack(app, 'Stack');
    new IdempotentConsumer(stack, 'Theirs', {
      consumerName: 'theirs',
      channel: MessageChannel.fromQueues(stack, 'Channel', {
        kind: ChannelKind.STANDARD,
        queue: Queue.fromQueueArn(stack, 'Queue', arn('sqs', 'orders')),
        deadLetterQueue: Queue.fromQueueArn(stack, 'Dead', arn('sqs', 'orders-dead')),
        visibilityTimeout: Duration.seconds(60),
        retention: Duration.days(4),
        deadLetterRetention: Duration.days(14),
      }),
      dedupTable: DedupTable.fromTable(stack, 'Dedup', Table.fromTableName(stack, 'Table', 'receipts')),
      handler: LambdaFunction.fromFunctionArn(stack, 'Function', arn('lambda', 'function:settle')),
    });
  }

  test('are listed as unproven, each with what must be so', () => {
    const report = reportOf(foreignPath);
    const required = (heading: string) =>
      rowsOf(report, heading, 'Unproven').map((cells) => cells.slice(0, 2));
    expect(required('Stack/Theirs (IdempotentConsumer)')).toEqual([
      ['function-timeout', "'settle' has a timeout of at most 10 seconds"],
      [
        'function-environment',
        "'settle' has EXACTLY_ONCE_CONSUMER_NAME=theirs, EXACTLY_ONCE_DEDUP_TABLE=receipts, " +
          "EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS=7430400, EXACTLY_ONCE_QUEUE_URL=<url of 'orders'>, EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL=<url of 'orders-dead'>, EXACTLY_ONCE_MAX_FAILURES=5, EXACTLY_ONCE_ON_FAILURE=skip",
      ],
      ['function-runtime', "the handler of 'settle' is made by `exactly-once-aws/consumer`"],
      [
        'function-is-not-throttled',
        "'settle' has no reserved concurrency: throttled polls count as receives",
      ],
      [
        'function-permissions',
        "the role of 'settle' may receive from the queue, send to the dead-letter queue and write receipts",
      ],
    ]);
    expect(required('Stack/Channel (MessageChannel)')).toEqual([
      ['queue-as-stated', "'orders' has a visibility timeout of 1 minute and a retention of 4 days"],
      ['dead-letter-queue-as-stated', "'orders-dead' has a retention of 14 days"],
      [
        'sqs-gives-up-last',
        "'orders' redrives to 'orders-dead' after 1,000 receives: SQS counts receives, not failures",
      ],
      [
        'loss-is-seen',
        "alarms on the age of the oldest message of 'orders' (half of its retention) and on any message in 'orders-dead'",
      ],
    ]);
    expect(required('Stack/Dedup (DedupTable)').map(([id]) => id)).toEqual([
      'receipts-by-id',
      'receipts-in-one-region',
      'receipts-expire',
      'groups-are-listed',
      'receipts-are-kept',
    ]);
  });

  test('what is stated of them is checked like any value', () => {
    const report = reportOf(foreignPath);
    expect(rowsOf(report, 'Stack/Theirs (IdempotentConsumer)')[0]?.slice(0, 3)).toEqual([
      'visibility-covers-the-function',
      "visibility timeout of 'Stack/Channel' is 1 minute",
      'at least 1 minute (6 x timeout + maxBatchingWindow)',
    ]);
  });

  test('docs/guarantees.md explains every id that the report can name', () => {
    const report = reportOf((app) => {
      foreignPath(app);
      const stack = new Stack(app, 'Others');
      const rows = new Table(stack, 'Rows', { partitionKey: { name: 'id', type: AttributeType.STRING } });
      DedupTable.fromTable(stack, 'OwnTable', rows);
      path(stack, 'Mail', { maxConcurrency: 5 });
      path(stack, 'Insert', { commitWay: CommitWay.INSERT, effectTable: rows });
      path(stack, 'Natural', { commitWay: CommitWay.NATURAL });
      const relayed = new MessageChannel(stack, 'Relayed', { kind: ChannelKind.FIFO });
      new OutboxRelay(stack, 'Relay', {
        outbox: new OutboxTable(stack, 'Outbox'),
        targets: [RelayTarget.channel(relayed)],
        entry: noopEntry,
      });
      path(stack, 'Reader', { channel: relayed });
    });
    const named = new Set([...report.matchAll(/^\| ([a-z0-9]+(?:-[a-z0-9]+)+) \|/gm)].map(([, id]) => id));
    const docs = readFileSync(join(__dirname, '..', '..', 'docs', 'guarantees.md'), 'utf8');
    const inequalities = [...docs.matchAll(/^### (\S+)$/gm)].map(([, id]) => id);
    const [, unproven = ''] = docs.split('\n## Unproven\n');
    const [listed = ''] = unproven.split('\n## ');
    const open = [...listed.matchAll(/^\| ([a-z]+(?:-[a-z]+)+) \|/gm)].map(([, id]) => id);
    expect([...new Set([...inequalities, ...open])].sort()).toEqual([...named].sort());
    expect(named.size).toBe(30);
  });
});

describe('the table at the top', () => {
  const summaryOf = (report: string) => rowsOf(`\n## \n${report.split('\n## ')[0]}`, '');

  test.each([
    [
      CommitWay.TRANSACTION,
      'key, receipt kept 86 days',
      'a copy after 86 days; effects outside the transaction',
    ],
    [
      CommitWay.INSERT,
      "key of the new row in 'Stack/Rows'",
      'a row deleted within 86 days; other effects than the row',
    ],
    [
      CommitWay.AGGREGATE,
      "the producer's version, kept in the item",
      'an item deleted; other effects than the item',
    ],
    [CommitWay.NATURAL, 'none', 'a handler for which twice, or late, is not the same as once'],
  ])('%s: how a message is recognised, and what breaks it', (commitWay, identity, breaks) => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      const rows = new Table(stack, 'Rows', { partitionKey: { name: 'id', type: AttributeType.STRING } });
      const proof = commitWay === CommitWay.INSERT || commitWay === CommitWay.AGGREGATE;
      path(stack, 'Mail', { commitWay, ...(proof && { effectTable: rows }) });
    });
    const [row = []] = summaryOf(report);
    expect([row[0], row[1], row[4]]).toEqual(['Stack/Mail', identity, breaks]);
    expect(row[3]).toMatch(/^messages: \$\d+\.\d\d \/ \$\d+\.\d\d$/);
    // The table is there for failures, and no receipt of it is claimed.
    if (commitWay !== CommitWay.TRANSACTION)
      expect(report).not.toMatch(/receipts-outlive|receipt kept|receipts kept|takes the receipts/);
  });

  test('a job queue is one row, by job, and its worker none', () => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      const dedupTable = new DedupTable(stack, 'Dedup');
      new JobQueue(stack, 'Reports', { consumerName: 'reports', dedupTable, entry: noopEntry });
    });
    expect(summaryOf(report).map(([at, identity, , cost]) => [at, identity, cost])).toEqual([
      ['Stack/Reports', 'job id, remembered for 116 days', expect.stringMatching(/^jobs: \$/)],
    ]);
    expect(report).not.toContain('Cost of one million messages');
    expect(report).toContain(
      '11 write units (3 for its row, 4 for its end and its receipt, 4 for the index of open jobs) x $0.625',
    );
  });

  test('a job queue in Postgres says so, counts no write units, and what nobody checks', () => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      new JobQueue(stack, 'Reports', {
        ...{ consumerName: 'reports', entry: noopEntry, receiptsInPostgres: true },
      });
    });
    expect(summaryOf(report).map(([at, , way, cost]) => [at, way, cost])).toEqual([
      [
        'Stack/Reports',
        'what a job writes, its end and its receipt in one transaction of Postgres',
        expect.stringMatching(/^jobs: \$/),
      ],
    ]);
    expect(report).not.toContain('write units');
    expect(report).toContain('that its schema is migrated');
  });

  test('what nothing gives is said, and what is paid when nothing arrives', () => {
    const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail'));
    expect(report).toContain('\n## Not guaranteed\n\n- Effects outside the transaction');
    const idle = report.split('\n## ').find((text) => text.startsWith('Idle cost\n')) ?? '';
    expect(idle).toContain(
      '| Stack/Mail | empty receives on the FIFO queue | 5 pollers, a call each 20 s: 0.657 million x $0.50 | $0.33 |',
    );
    expect(idle).toContain('| the app | metrics that alarms watch | 4 x $0.10 | $0.40 |');
    expect(idle).toMatch(/\| all \|.*\| \$0\.73 \|/);
    const off = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { enabled: false }));
    expect(off).not.toContain('empty receives');
  });
});

test('guarantees.json says the same as the page, for programs', () => {
  const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { maxConcurrency: 5 }));
  const claims = JSON.parse(readFileSync(join(outdir, 'guarantees.json'), 'utf8')) as {
    format: number;
    constructs: {
      path: string;
      constructClass: string;
      holds: { id: string; left: string; right: string }[];
    }[];
  };
  expect(claims.format).toBe(1);
  for (const { path: at, constructClass, holds } of claims.constructs) {
    const rows = rowsOf(report, `${at} (${constructClass})`).map((cells) => cells.slice(0, 3));
    expect(holds.map(({ id, left, right }) => [id, left, right])).toEqual(rows);
  }
  expect(claims.constructs.flatMap(({ holds }) => holds).length).toBeGreaterThan(5);
});
