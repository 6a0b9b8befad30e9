import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../targets/package-root.js';
import { builtOnce } from './built-once.js';

const run = promisify(execFile);

export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface StagedPackage {
  readonly manifest: Manifest;
  /** As of `Built`: all test files of a run share it. */
  readonly checkout: string;
  /** What the tarball holds, as paths below the package. */
  readonly files: readonly string[];
  /** A project that has installed the tarball and its declared dependencies, and nothing else. */
  readonly project: string;
  remove(): Promise<void>;
}

export interface StageOptions {
  /** Whether the peers that may be left out are installed, too. @default true */
  readonly optionalPeers?: boolean;
}

/** Installs the package, built once, in a temporary folder. */
export async function stagePackage({ optionalPeers = true }: StageOptions = {}): Promise<StagedPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-package-'));
  const { checkout, tarball } = await builtOnce();
  const manifest = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as Manifest;
  const { stdout } = await run('tar', ['-tzf', tarball]);
  const files = stdout.split('\n').filter((line) => line !== '' && !line.endsWith('/'));

  const project = join(folder, 'project');
  await install(tarball, optionalPeers ? manifest : withoutOptional(manifest), join(project, 'node_modules'));
  return {
    manifest,
    checkout,
    files: files.map((file) => file.replace(/^package\//, '')),
    project,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function withoutOptional(manifest: Manifest): Manifest {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const needed = Object.entries(peerDependencies).filter(
    ([name]) => peerDependenciesMeta[name]?.optional !== true,
  );
  return { ...manifest, peerDependencies: Object.fromEntries(needed) };
}

async function install(tarball: string, manifest: Manifest, modules: string): Promise<void> {
  const target = join(modules, manifest.name);
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(packageRoot, 'node_modules', name), join(modules, name));
  }
}
