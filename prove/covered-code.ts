import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../targets/package-root.js';
import type { Proof } from './proofs.js';

/**
 * SHA-256 over the names and contents of all files that a proof covers, its tests included. By content and not by
 * date: a checkout changes every date, and a change that is taken back makes no proof stale.
 */
export function hashOfCovered({ covers, tests }: Proof): string {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...covers, ...tests], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  const hash = createHash('sha256');
  for (const file of new Set(listed.split('\0').filter(isFile).sort()))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(packageRoot, file)))
      .update('\0');
  return hash.digest('hex');
}

/** A file that was deleted and not committed is still listed. */
function isFile(file: string): boolean {
  return file !== '' && (statSync(join(packageRoot, file), { throwIfNoEntry: false })?.isFile() ?? false);
}
