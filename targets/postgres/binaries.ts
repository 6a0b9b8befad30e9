import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresMissingError } from './errors.js';
import { installedPostgres } from './install.js';
import { installedMajor } from './versions.js';

export interface PostgresBinaries {
  /** Major version: `15`, `16`, `17` or `18`. An older one is fetched once, when it is asked for. @default '18' */
  readonly version?: string;
  /** Folder of `initdb` and `postgres` of an installed server, in place of a version. */
  readonly binaries?: string;
}

/**
 * The folder of `initdb` and `postgres`.
 *
 * @throws PostgresMissingError when they are not there, or cannot be fetched
 */
export async function postgresBinaries({ version, binaries }: PostgresBinaries): Promise<string> {
  const folder = binaries ?? (await installedPostgres(version ?? installedMajor));
  if (['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) return folder;
  throw new PostgresMissingError(
    `no initdb and postgres in ${folder}: run "npm ci", or name the folder of an installed Postgres (binaries)`,
  );
}
