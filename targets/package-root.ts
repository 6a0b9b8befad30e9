import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const packageName = 'exactly-once-aws';

/**
 * The folder of package.json: everything the local targets keep lives below it, whatever the working directory is.
 */
export const packageRoot = rootAbove(__dirname);

const ownBin = join(packageRoot, 'node_modules', '.bin');

/**
 * Executables of the package's dependencies: first on a PATH it makes `node` the version in package.json. Where the
 * package is itself a dependency it brings no Node of its own, and the one that runs is used.
 */
export const binFolder = existsSync(join(ownBin, 'node')) ? ownBin : dirname(process.execPath);

/** Sources and compiled files lie at different depths. */
function rootAbove(folder: string): string {
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest)) {
    const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
    if (name === packageName) return folder;
  }
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no package.json of ${packageName} above ${__dirname}`);
  return rootAbove(parent);
}
