import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import {
  ChannelKind,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { noopEntry } from '../fixtures/construct-stack.js';

/** Where the app of this test writes its assembly. */
export let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'guarantees-'));
});
afterEach(() => {
  rmSync(outdir, { recursive: true });
});

export const newApp = () =>
  new App({ outdir, builtinCloudFormationValidation: false, context: { 'aws:cdk:bundling-stacks': [] } });

/** What the report says after a synth of an app that `build` fills. */
export function reportOf(build: (app: App) => void): string {
  const app = newApp();
  build(app);
  app.synth();
  return readFileSync(join(outdir, 'GUARANTEES.md'), 'utf8');
}

/** A FIFO path with receipts: consumer, channel and table. */
export function path(scope: Stack, id: string, props: Partial<IdempotentConsumerProps> = {}): void {
  new IdempotentConsumer(scope, id, {
    consumerName: id.toLowerCase(),
    dedupTable: new DedupTable(scope, `${id}Dedup`),
    channel: new MessageChannel(scope, `${id}Channel`, { kind: ChannelKind.FIFO }),
    entry: noopEntry,
    ...props,
  });
}

/** Cells of the rows below the heading of a construct, and of its part if one is named. */
export function rowsOf(report: string, heading: string, part = heading): string[][] {
  const section = report.split('\n## ').find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const table = section.split('\n### ').find((text) => text.startsWith(`${part}\n`)) ?? '';
  return table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
}
