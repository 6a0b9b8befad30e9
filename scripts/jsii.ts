/**
 * `npm run jsii`: makes the constructs a package of their own in `dist/jsii/`, compiled with jsii, so that Construct
 * Hub lists them and other languages can have them, with their reference in `API.md`. The root package cannot be
 * one: it has entry points that are ES modules, and generics, which jsii refuses.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../targets/message-of.js';
import { packageRoot } from '../targets/package-root.js';

const run = promisify(execFile);
const folder = join(packageRoot, 'dist', 'jsii');
const peers = ['aws-cdk-lib', 'constructs'];

interface Root {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly author?: unknown;
  readonly repository?: unknown;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What jsii demands of a manifest. @see https://aws.github.io/jsii/user-guides/lib-author/configuration/ */
function manifestOf(root: Root): object {
  const { version, license, description, keywords, peerDependencies } = root;
  const name = `${root.name}-constructs`;
  return {
    name,
    version,
    license,
    description,
    keywords,
    author: root.author ?? { name: `${root.name} authors`, organization: true },
    repository: root.repository ?? { type: 'git', url: `https://example.invalid/${root.name}.git` },
    main: 'lib/index.js',
    types: 'lib/index.d.ts',
    stability: 'experimental',
    files: ['.jsii', 'API.md', 'lib/**/*.js', 'lib/**/*.d.ts'],
    jsii: { outdir: 'dist', targets: {} },
    peerDependencies: Object.fromEntries(peers.map((peer) => [peer, peerDependencies[peer]])),
  };
}

async function main(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await cp(join(packageRoot, 'lib'), join(folder, 'lib'), { recursive: true });
  for (const file of ['LICENSE', 'README.md']) await cp(join(packageRoot, file), join(folder, file));
  const root = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as Root;
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifestOf(root), undefined, 2)}\n`);
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  // jsii-docgen looks for the assemblies of these below the package, and nowhere else.
  for (const peer of peers) await symlink(join(packageRoot, 'node_modules', peer), join(modules, peer));
  await tool('jsii', 'jsii/bin/jsii', '--silence-warnings=reserved-word');
  await tool('jsii-docgen', 'jsii-docgen/bin/jsii-docgen', '--output', 'API.md');
}

/** Runs a tool in the package. The error holds what it printed. */
async function tool(name: string, script: string, ...args: string[]): Promise<void> {
  const settings = { cwd: folder, maxBuffer: 64 * 1024 * 1024 };
  await run(process.execPath, [require.resolve(script), ...args], settings).catch((cause: unknown) => {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    throw new Error(`${name} failed\n${stdout}${stderr}`, { cause });
  });
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
