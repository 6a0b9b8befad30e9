import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnParameter, Stack, Stage } from 'aws-cdk-lib';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { noopEntry } from '../fixtures/construct-stack.js';

let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'guarantees-'));
});
afterEach(() => {
  rmSync(outdir, { recursive: true });
});

const newApp = () =>
  new App({ outdir, builtinCloudFormationValidation: false, context: { 'aws:cdk:bundling-stacks': [] } });

/** What the report says after a synth of an app that `build` fills. */
function reportOf(build: (app: App) => void): string {
  const app = newApp();
  build(app);
  app.synth();
  return readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
}

function path(scope: Stack, id: string, props: Partial<IdempotentConsumerProps> = {}): void {
  new IdempotentConsumer(scope, id, {
    consumerName: id.toLowerCase(),
    dedupTable: new DedupTable(scope, `${id}Dedup`),
    channel: new MessageChannel(scope, `${id}Channel`, { kind: ChannelKind.FIFO }),
    entry: noopEntry,
    ...props,
  });
}

/** Cells of the rows below the heading of a construct. */
function rowsOf(report: string, heading: string): string[][] {
  const section = report.split('\n## ').find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
}

test('a synth writes every inequality with its values', () => {
  const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { maxConcurrency: 5 }));
  expect(rowsOf(report, 'Stack/Mail (IdempotentConsumer)').map((cells) => cells.slice(0, 3))).toEqual([
    [
      'visibility-covers-the-function',
      "visibility timeout of 'Stack/MailChannel' is 3 minutes",
      'at least 3 minutes (6 x timeout + maxBatchingWindow)',
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
    expect(rowsOf(report, `${name}/Stack/Mail (IdempotentConsumer)`)).toHaveLength(4);
});

test('what is known only at deployment is not claimed', () => {
  const report = reportOf((app) => {
    const stack = new Stack(app, 'Stack');
    path(stack, 'Mail', { batchSize: new CfnParameter(stack, 'Batch', { type: 'Number' }).valueAsNumber });
  });
  expect(rowsOf(report, 'Stack/Mail (IdempotentConsumer)').map(([id]) => id)).toEqual([
    'visibility-covers-the-function',
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

test('docs/guarantees.md explains every inequality that the report can name', () => {
  const report = reportOf((app) => path(new Stack(app, 'Stack'), 'Mail', { maxConcurrency: 5 }));
  const named = ['Stack/Mail (IdempotentConsumer)', 'Stack/MailChannel (MessageChannel)']
    .flatMap((heading) => rowsOf(report, heading))
    .map(([id]) => id);
  const docs = readFileSync(join(__dirname, '..', '..', 'docs', 'guarantees.md'), 'utf8');
  const explained = [...docs.matchAll(/^### (\S+)$/gm)].map(([, id]) => id);
  expect(named).toHaveLength(6);
  expect(explained.sort()).toEqual(named.sort());
});
