import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { packageRoot } from '../targets/package-root.js';
import type { Proof } from './proofs.js';

/**
 * SHA-256 over the names and contents of all files that a proof covers, its tests included. Of `runtime` only those
 * count that the others import, however far: a room may get a file for somebody else. By content and not by date: a
 * checkout changes every date, and a change that is taken back makes no proof stale.
 */
export function hashOfCovered(proof: Pick<Proof, 'covers' | 'tests'>): string {
  const hash = createHash('sha256');
  for (const file of coveredFiles(proof))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(packageRoot, file)))
      .update('\0');
  return hash.digest('hex');
}

/** The files of a proof, from the root of the package, in the order of their names. */
export function coveredFiles({ covers, tests }: Pick<Proof, 'covers' | 'tests'>): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...covers, ...tests], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  const files = [...new Set(listed.split('\0').filter(isFile).sort())];
  const entryPoints = files.filter((file) => !isRuntime(file) && /\.m?tsx?$/.test(file));
  const reached = importedBy(entryPoints);
  return files.filter((file) => !isRuntime(file) || reached.has(file));
}

const isRuntime = (file: string) => file.startsWith('runtime/');

function importedBy(entryPoints: readonly string[]): ReadonlySet<string> {
  const { metafile } = buildSync({
    entryPoints: [...entryPoints],
    absWorkingDir: packageRoot,
    bundle: true,
    metafile: true,
    write: false,
    outdir: 'unwritten',
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  return new Set(Object.keys(metafile.inputs));
}

/** A file that was deleted and not committed is still listed. */
function isFile(file: string): boolean {
  return file !== '' && (statSync(join(packageRoot, file), { throwIfNoEntry: false })?.isFile() ?? false);
}
