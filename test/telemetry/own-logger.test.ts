import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { sqsConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import { sentAgain, sqsRecord } from '../../runtime/testing/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { entryPointSources } from '../docs/compile-samples.js';
import { typescriptBlocks } from '../docs/markdown.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';

type Log = (message: string, fields: Record<string, unknown>) => void;
interface Sample {
  readonly loggedBy: (logger: Record<'debug' | 'info' | 'warn' | 'error', Log>) => (of: BatchSummary) => void;
}

const page = 'docs/telemetry.md';

/** The sample of the page, as it is printed. */
async function sampleOfThePage(): Promise<{ sample: Sample; remove: () => Promise<void> }> {
  const block = typescriptBlocks(page, readFileSync(join(packageRoot, page), 'utf8')).find(({ code }) =>
    code.includes('loggedBy'),
  );
  const sources = entryPointSources();
  const source = block?.code.replaceAll(/'(exactly-once-aws[\w/]*)'/g, (_, entry: string) =>
    JSON.stringify(sources[entry]?.[0]),
  );
  const folder = await mkdtemp(join(packageRoot, '.sample-'));
  const file = join(folder, 'sample.ts');
  await writeFile(file, source ?? '');
  process.env.ACCOUNTS_TABLE = 'accounts';
  return {
    sample: (await import(file)) as Sample,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** As Powertools' Logger writes: the fields of the second argument beside its own, at the root of one JSON line. */
function powertoolsShape(lines: Record<string, unknown>[]) {
  const at = (level: string) => (message: string, fields: Record<string, unknown>) => {
    lines.push(
      JSON.parse(JSON.stringify({ level, message, service: 'settlement', ...fields })) as (typeof lines)[0],
    );
  };
  return { debug: at('DEBUG'), info: at('INFO'), warn: at('WARN'), error: at('ERROR') };
}

test('a logger of one’s own has every line that alarms read, with fields at the root, no payload and no key; stdout has none', async () => {
  const client = dynamo();
  const { sample, remove } = await sampleOfThePage();
  const written: string[] = [];
  try {
    const [receipts, rows] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
    const lines: Record<string, unknown>[] = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
    const handler = sqsConsumer({
      settings: {
        consumerName: 'logged',
        dedupTable: receipts.name,
        receiptRetentionSeconds: 60,
        deadLetterQueueUrl: 'none',
      },
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: ({ body }, tx) => {
        if (body.id === 'private-bad') throw new TypeError('about private-bad');
        tx.update(rows, { name: 'all' }, { add: { value: 1 } });
      },
      dynamodb: client,
      observe: sample.loggedBy(powertoolsShape(lines)),
    });
    const context = { getRemainingTimeInMillis: () => 30_000 };
    const good = sqsRecord({ body: { id: 'private-good' } });
    await handler({ Records: [good, sqsRecord({ body: { id: 'private-bad' } })] }, context);
    await handler({ Records: [sentAgain(good)] }, context);
    expect(lines).toEqual([
      expect.objectContaining({
        ...{ level: 'WARN', service: 'settlement', exactlyOnce: 'problem', consumer: 'logged' },
        ...{ outcome: 'retry', fault: 'message' },
        error: expect.stringContaining('TypeError'),
      }),
      expect.objectContaining({
        level: 'INFO',
        exactlyOnce: 'batch',
        consumer: 'logged',
        processed: 1,
        retry: 1,
      }),
      expect.objectContaining({ level: 'INFO', exactlyOnce: 'batch', consumer: 'logged', duplicate: 1 }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('private');
    expect(written.filter((line) => line.includes('exactlyOnce'))).toEqual([]);
  } finally {
    jest.restoreAllMocks();
    await remove();
    client.destroy();
  }
});
