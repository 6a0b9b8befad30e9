import { execFile } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { typescriptBlocks } from '../docs/markdown.js';
import { writeProject } from './own-app.js';
import { writePageApp } from './page-app.js';
import { deployedPages, synthesizedPages } from './pages.js';
import { stagePackage, type StagedPackage } from './staged-package.js';

const run = promisify(execFile);
const page = 'docs/testing.md';
/** What is not among our own dependencies is installed by npm, if that is asked for. */
const asked = process.env.REGISTRY === '1';
const why = asked ? 'REGISTRY is 1' : 'only with REGISTRY=1: npm installs it';
const versions = { vitest: '5.1.2', typescript: '7.0.2' };

let staged: StagedPackage;
beforeAll(async () => {
  staged = await stagePackage();
  const { project } = staged;
  for (const name of ['zod', '@types/node', '@types/pg'])
    await symlink(join(packageRoot, 'node_modules', name), join(project, 'node_modules', name));
  await writeProject(project, 'tsx app.ts');
  const [sample] = typescriptBlocks(page, await readFile(join(packageRoot, page), 'utf8'));
  await writeFile(join(project, 'sample.ts'), sample?.code ?? '');
}, 900_000);
afterAll(() => staged.remove());

/** The sample of the page as a test; it needs what Jest and Vitest have in common. */
async function writeTest(imports: string): Promise<void> {
  const lines = [
    imports,
    "import { aKilledFunctionDebitsOnce } from './sample';",
    "test('a killed function debits once', async () => {",
    "  expect(await aKilledFunctionDebitsOnce()).toBe('-5');",
    '}, 120_000);',
  ];
  await writeFile(join(staged.project, 'sample.test.ts'), lines.join('\n'));
}

/** What a user types, in the project, without what Jest has told this process. */
async function typed(command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, JEST_WORKER_ID: undefined, NODE_ENV: undefined };
  const options = { cwd: staged.project, env, maxBuffer: 16 * 1024 * 1024 };
  const { stdout, stderr } = await run(command, args, options);
  return stdout + stderr;
}

/** In a folder of its own: in the project it would take what is linked there for superfluous. */
async function installed(name: keyof typeof versions): Promise<string> {
  const folder = join(staged.project, '..', name);
  const install = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
  await typed('npm', ...install, `${name}@${versions[name]}`);
  return join(folder, 'node_modules', '.bin');
}

test('Jest, as `cdk init` sets it up: the sample of docs/testing.md passes, and what is loaded when it is needed is there', async () => {
  await writeTest('');
  const transform = {
    '^.+\\.ts$': [require.resolve('@swc/jest'), { jsc: { parser: { syntax: 'typescript' } } }],
  };
  const config = { testEnvironment: 'node', testMatch: ['<rootDir>/sample.test.ts'], transform };
  await writeFile(join(staged.project, 'jest.config.json'), JSON.stringify(config));
  // What died in the sample is left where it died, and Jest would wait for its timers.
  expect(await typed(join(binFolder, 'jest'), '--forceExit')).toContain('1 passed');
}, 240_000);

(asked ? test : test.skip)(
  `Vitest ${versions.vitest}: the sample of docs/testing.md passes (${why})`,
  async () => {
    await writeTest("import { expect, test } from 'vitest';");
    const bin = await installed('vitest');
    // Where the import of the test finds it.
    await symlink(join(bin, '..', 'vitest'), join(staged.project, 'node_modules', 'vitest'));
    expect(await typed(join(bin, 'vitest'), 'run', 'sample.test.ts')).toMatch(/Tests .*1 passed/);
  },
  480_000,
);

(asked ? test : test.skip)(
  `TypeScript ${versions.typescript}: the samples of all pages compile, our declarations included (${why})`,
  async () => {
    await writePageApp(staged.project, [...deployedPages, ...synthesizedPages]);
    const strict = { strict: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true };
    const compilerOptions = { ...strict, target: 'es2024', module: 'nodenext', types: ['node'] };
    const include = ['app.ts', 'sample.ts', 'README-md', 'docs-*'];
    await writeFile(join(staged.project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
    const bin = await installed('typescript');
    expect(await typed(join(bin, 'tsc'), '--project', '.')).toBe('');
  },
  480_000,
);
