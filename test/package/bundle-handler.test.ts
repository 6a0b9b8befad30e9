import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { bundleHandler, loadedAtStart } from '../../lib/consumer/bundle-handler.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-handler-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

/** Bundles `handler.ts` of these files and imports what came out in a new process. Returns what it printed. */
async function bundledAndRun(files: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const { written } = bundleHandler(esbuild, {
    absWorkingDir: folder,
    entryPoints: ['handler.ts'],
    outdir: join(folder, 'out'),
  });
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `await (await import(${JSON.stringify(join(folder, 'out', 'index.mjs'))})).handler();`,
    ],
    { timeout: 20_000 },
  );
  return { printed: stdout.split('\n').filter(Boolean), atStart: [...loadedAtStart(written)] };
}

const shared = (name: string) => `
  console.log('${name}');
  export class ${name} { static readonly made: string[] = []; }`;

test('what the start shares with several import()s is one chunk, whose modules run once and stay one each', async () => {
  const { printed, atStart } = await bundledAndRun({
    'a.ts': shared('A'),
    'b.ts': shared('B'),
    'c.ts': shared('C'),
    'later-1.ts': `import { A } from './a.js'; import { B } from './b.js'; console.log('later 1'); A.made.push('1'); B.made.push('1');`,
    'later-2.ts': `import { B } from './b.js'; import { C } from './c.js'; console.log('later 2'); B.made.push('2'); C.made.push('2');`,
    'handler.ts': `
      import { A } from './a.js'; import { B } from './b.js'; import { C } from './c.js';
      console.log('started');
      export const handler = async () => {
        await import('./later-2.js'); await import('./later-1.js');
        console.log(JSON.stringify([A.made, B.made, C.made]));
      };`,
  });
  // Between modules that do not import each other esbuild promises no order (issue 399 there), in one run or two.
  expect(printed.slice(0, 3).toSorted()).toEqual(['A', 'B', 'C']);
  expect(printed.slice(3)).toEqual([
    'started',
    'later 2',
    'later 1',
    JSON.stringify([['1'], ['2', '1'], ['2']]),
  ]);
  expect(atStart).toHaveLength(2);
});

test('a module that awaits an import() at its top level does not wait for itself', async () => {
  const { printed } = await bundledAndRun({
    'a.ts': `export const value = (await import('./later-1.js')).value;`,
    'b.ts': `export const b = 'b';`,
    'later-1.ts': `import { b } from './b.js'; export const value = 'of later 1 and ' + b;`,
    'later-2.ts': `import { value } from './a.js'; export const again = value;`,
    'handler.ts': `
      import { value } from './a.js'; import { b } from './b.js';
      const first = await import('./later-1.js');
      export const handler = async () => console.log(value, b, first.value, (await import('./later-2.js')).again);`,
  });
  expect(printed).toEqual(['of later 1 and b b of later 1 and b of later 1 and b']);
});

test('packages of CommonJS find what they require, shared or not', async () => {
  const { printed, atStart } = await bundledAndRun({
    'common.cjs': `module.exports = { sep: require('path').sep, count: (globalThis.count = (globalThis.count ?? 0) + 1) };`,
    'later.ts': `import common from './common.cjs'; export const { count } = common;`,
    'other.ts': `export const other = 1;`,
    'handler.ts': `
      import common from './common.cjs';
      export const handler = async () =>
        console.log(common.sep, common.count, (await import('./later.js')).count, (await import('./other.js')).other);`,
  });
  expect(printed).toEqual(['/ 1 1 1']);
  expect(atStart.length).toBeLessThanOrEqual(2);
});

test('a handler with nothing to load later is one file', async () => {
  const { printed, atStart } = await bundledAndRun({
    'handler.ts': `export const handler = async () => console.log('ran');`,
  });
  expect(printed).toEqual(['ran']);
  expect(atStart).toEqual(['index.mjs']);
});

test('an error of esbuild comes through as it is', async () => {
  await writeFile(join(folder, 'handler.ts'), `import './missing.js';`);
  expect(() =>
    bundleHandler(esbuild, {
      absWorkingDir: folder,
      entryPoints: ['handler.ts'],
      outdir: join(folder, 'out'),
      logLevel: 'silent',
    }),
  ).toThrow('Could not resolve "./missing.js"');
});
