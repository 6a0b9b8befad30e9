import { access, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compilePackage } from '../../scripts/compile.js';
import { packTarball } from '../../scripts/pack.js';
import { packageRoot } from '../../targets/package-root.js';
import { sharedFolderVariable } from '../fixtures/shared-folder.js';

export interface Built {
  /** A copy of this checkout with its `dist/` built: where `npm publish` would run. */
  readonly checkout: string;
  /** What npm would publish. */
  readonly tarball: string;
}

const notCopied = new Set(['node_modules', '.git', '.local', 'dist', 'cdk.out', 'coverage']);

/**
 * Builds and packs the package, once for all test files of a run: a minute of a core each time. The checkout itself
 * is not touched.
 */
export async function builtOnce(): Promise<Built> {
  const shared = process.env[sharedFolderVariable];
  if (shared === undefined) throw new Error(`${sharedFolderVariable} is set by Jest's global set-up`);
  const folder = join(shared, 'package');
  const built = { checkout: join(folder, 'checkout'), tarball: join(folder, 'package.tgz') };
  const failure = join(folder, 'failure.txt');
  try {
    await mkdir(folder);
  } catch {
    // The test file in another worker that came first is at it.
    while (!(await exists(join(folder, 'built')))) {
      if (await exists(failure)) throw new Error(await readFile(failure, 'utf8'));
      await sleep(100);
    }
    return built;
  }
  try {
    await build(built);
  } catch (error) {
    await writeFile(failure, String(error));
    throw error;
  }
  await writeFile(join(folder, 'built'), '');
  return built;
}

async function build({ checkout, tarball }: Built): Promise<void> {
  await cp(packageRoot, checkout, {
    recursive: true,
    filter: (source) => !notCopied.has(relative(packageRoot, source)),
  });
  await compilePackage(join(checkout, 'dist'));
  await writeFile(tarball, await packTarball(checkout));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
