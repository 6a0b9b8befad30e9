import { join } from 'node:path';
import { fetchedJars, jarsFolder, type JarSet } from '../maven/jars.js';
import { packageRoot } from '../package-root.js';

const kafka: JarSet = {
  name: 'kafka',
  title: "Kafka's broker",
  pom: join(packageRoot, 'targets', 'kafka', 'pom.xml'),
  note: 'once, 54 MB, Apache-2.0',
};

/**
 * The folder of the broker's jars, fetched by Maven on the first call.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError
 */
export function kafkaJars(log?: (line: string) => void): Promise<string> {
  return fetchedJars(kafka, log);
}

/** Where they are, or would be. */
export function kafkaJarsFolder(): string {
  return jarsFolder(kafka);
}
