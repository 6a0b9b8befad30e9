import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../../targets/package-root.js';

/** What an entry point loads before anything is called: files of ours, and packages. */
async function loads(entry: string): Promise<string[]> {
  const { metafile } = await build({
    ...{ entryPoints: [join(packageRoot, entry)], bundle: true, write: false, metafile: true },
    ...{
      packages: 'external',
      platform: 'node',
      format: 'esm',
      outdir: 'nowhere',
      absWorkingDir: packageRoot,
    },
  });
  const loaded = new Set([entry]);
  for (const file of loaded)
    for (const { path, kind } of metafile.inputs[file]?.imports ?? [])
      if (kind !== 'dynamic-import') loaded.add(path);
  return [...loaded];
}

test('who has jobs on DynamoDB loads nothing of Postgres', async () => {
  const loaded = await loads('runtime/jobs/index.ts');
  expect(loaded).toContain('@aws-sdk/client-dynamodb');
  expect(loaded.filter((name) => /postgres|^pg$/.test(name))).toEqual([]);
});

test('who has jobs on Postgres loads nothing of DynamoDB', async () => {
  const loaded = await loads('runtime/jobs/postgres/index.ts');
  expect(loaded).toContain('runtime/postgres/transaction-way.ts');
  expect(loaded.filter((name) => /dynamo|^pg$/.test(name))).toEqual([]);
});
