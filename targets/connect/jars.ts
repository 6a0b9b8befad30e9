import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchedJars, jarsFolder, type JarSet } from '../maven/jars.js';
import { packageRoot } from '../package-root.js';
import { ConnectError } from './errors.js';

const connect: JarSet = {
  name: 'connect',
  title: 'Kafka Connect with Debezium',
  pom: join(packageRoot, 'targets', 'connect', 'pom.xml'),
  note: 'once, 59 MB, Apache-2.0',
};

export interface ConnectJars {
  readonly folder: string;
  /** As the connector's jar is named, such as `3.7.0.Final`. */
  readonly debeziumVersion: string;
}

/** Where they are once they have been fetched. */
export function connectJarsFolder(): string {
  return jarsFolder(connect);
}

/**
 * The jars of a worker, fetched by Maven on the first call.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError
 */
export async function connectJars(log?: (line: string) => void): Promise<ConnectJars> {
  const folder = await fetchedJars(connect, log);
  const versions = (await readdir(folder)).flatMap(
    (name) => /^debezium-connector-postgres-(.+)\.jar$/.exec(name)?.[1] ?? [],
  );
  const [debeziumVersion] = versions;
  if (debeziumVersion === undefined || versions.length > 1)
    throw new ConnectError(
      `${folder} holds ${versions.length} connectors of Debezium for Postgres, must hold one; remove the folder and start again`,
    );
  return { folder, debeziumVersion };
}
