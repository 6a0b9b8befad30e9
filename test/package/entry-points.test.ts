import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engines } from '../../package.json';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { declarationProblems } from './declaration-problems.js';
import { stagePackage, type StagedPackage } from './staged-package.js';

const run = promisify(execFile);
type Format = 'module' | 'commonjs';
const formats: Format[] = ['module', 'commonjs'];

let staged: StagedPackage;
let entries: string[];

beforeAll(async () => {
  staged = await stagePackage();
  entries = Object.keys(staged.manifest.exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => entry.replace('.', staged.manifest.name));
}, 300_000);
afterAll(() => staged.remove());

/** Runs the script in the project that installed the package. `load` maps each entry point to what it exports. */
async function evaluate(format: Format, script: string): Promise<unknown> {
  const names = JSON.stringify(entries);
  const load =
    format === 'module'
      ? `const load = Object.fromEntries(await Promise.all(${names}.map(async (name) => [name, await import(name)])));`
      : `const load = Object.fromEntries(${names}.map((name) => [name, require(name)]));`;
  const args = [`--input-type=${format}`, '--eval', `${load}\nconsole.log(JSON.stringify(${script}))`];
  const { stdout } = await run(process.execPath, args, { cwd: staged.project });
  return JSON.parse(stdout);
}

test('the tarball holds the compiled library, what the embedded engine needs, and its papers: no source, no test, no data', () => {
  const compiled = /^dist\/(cjs\/(cli|lib|runtime|targets)|esm\/runtime)\/.+\.(js|d\.ts)$/;
  // The descriptions of the alarms name these pages.
  const runbook = /^docs\/runbook\/[a-zA-Z-]+\.md$/;
  expect(staged.files).toContain('docs/runbook/README.md');
  const others = staged.files.filter((file) => !compiled.test(file) && !runbook.test(file)).sort();
  expect(others).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist/cjs/package.json',
    'dist/esm/package.json',
    'package.json',
    'targets/embedded/guard.py',
    'targets/embedded/requirements.txt',
    'targets/embedded/serve.py',
  ]);
});

test('every entry point loads from both module formats and exports the same names in both', async () => {
  const names = `Object.fromEntries(Object.entries(load).map(([entry, loaded]) =>
    [entry, Object.keys(loaded).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort()]))`;
  const [asModule, asCommonJs] = await Promise.all(formats.map((format) => evaluate(format, names)));
  expect(asModule).toEqual(asCommonJs);
  expect(Object.keys(asModule as object)).toEqual(entries);
  expect(Object.values(asModule as object)).not.toContainEqual([]);
});

test.each([
  ['20.19.0', true],
  [engines.node.replace('>=', ''), false],
])(
  'with Node.js %s each entry point says at its import that it is too old: %s',
  async (version, tooOld) => {
    const script = `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    const said = {};
    let entry;
    process.emitWarning = (text) => (said[entry] = String(text));
    for (entry of ${JSON.stringify(entries)}) {
      for (const file of Object.keys(require.cache)) if (file.includes('/dist/cjs/')) delete require.cache[file];
      require(entry);
    }
    console.log(JSON.stringify(said));`;
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', script], {
      cwd: staged.project,
    });
    const text = `exactly-once-aws needs Node.js ${engines.node.replace('>=', '')} or newer, and this is ${version}: install a newer one`;
    const expected = tooOld ? Object.fromEntries(entries.map((entry) => [entry, text])) : {};
    expect(JSON.parse(stdout)).toEqual(expected);
  },
  300_000,
);

test.each(formats)(
  'an error of one entry point is an instance of the class of another (%s)',
  async (format) => {
    const caught = await evaluate(
      format,
      `(() => { try { load['exactly-once-aws/consumer'].consumerSettings({}); } catch (error) {
      const { InvalidSettings, ExactlyOnceError } = load['exactly-once-aws/dedup'];
      return { name: error.name, same: error instanceof InvalidSettings, base: error instanceof ExactlyOnceError };
    } })()`,
    );
    expect(caught).toEqual({ name: 'InvalidSettings', same: true, base: true });
  },
);

test('the declarations need nothing but the declared dependencies, from both module formats', () => {
  expect(declarationProblems(staged, entries)).toEqual([]);
});

test('the declarations are right where no optional package is installed: nobody has to skip their check', () => {
  const optional = Object.keys(staged.manifest.peerDependenciesMeta ?? {});
  // Without the CDK and Powertools there is nothing to derive a construct or a layer from.
  const without = optional.filter((name) => !/^@aws-lambda-powertools|^@opentelemetry/.test(name));
  const users = entries.filter((name) => !/\/(lease\/powertools|telemetry)$/.test(name));
  expect(without.length).toBeGreaterThan(5);
  expect(declarationProblems(staged, users, without)).toEqual([]);
});

describe('npm run exports', () => {
  const check = () =>
    run(join(binFolder, 'tsx'), [join(packageRoot, 'scripts', 'check-exports.ts'), staged.checkout]);

  test('finds no problem', async () => {
    const { stdout } = await check();
    expect(stdout).toContain('exports: 0 problems');
  }, 300_000);

  test('fails when an entry point promises declarations of the other module format', async () => {
    const path = join(staged.checkout, 'package.json');
    const before = await readFile(path, 'utf8');
    const manifest = JSON.parse(before) as { exports: Record<string, unknown> };
    const entry = JSON.stringify(manifest.exports['./dedup']);
    const wrong = entry.replace(
      '"./dist/esm/runtime/dynamodb/index.d.ts"',
      '"./dist/cjs/runtime/dynamodb/index.d.ts"',
    );
    // One entry point: the check of all of them takes half a minute.
    await writeFile(path, JSON.stringify({ ...manifest, exports: { './dedup': JSON.parse(wrong) } }));
    try {
      await expect(check()).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('FalseCJS') as string,
      });
    } finally {
      await writeFile(path, before);
    }
  }, 300_000);
});
