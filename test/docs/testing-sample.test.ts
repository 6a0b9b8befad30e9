import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { entryPointSources } from './compile-samples.js';
import { typescriptBlocks } from './markdown.js';

test('the example of docs/testing.md runs as it is printed, and debits once', async () => {
  const file = 'docs/testing.md';
  const [block] = typescriptBlocks(file, readFileSync(join(packageRoot, file), 'utf8'));
  const sources = entryPointSources();
  const source = block?.code.replaceAll(/'(exactly-once-aws[\w/]*)'/g, (_, entry: string) =>
    JSON.stringify(sources[entry]?.[0]),
  );
  const folder = await mkdtemp(join(packageRoot, '.sample-'));
  try {
    const sample = join(folder, 'sample.ts');
    const call = "void aKilledFunctionDebitsOnce().then((balance) => console.log('balance', balance));";
    await writeFile(sample, `${source ?? ''}\n${call}\n`);
    const { stdout } = await promisify(execFile)(join(binFolder, 'tsx'), [sample]);
    expect(stdout).toContain('balance -5');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
