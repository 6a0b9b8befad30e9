import { join } from 'node:path';
import { fetchedJars, type JarsOptions } from '../maven/jars.js';
import { packageRoot } from '../package-root.js';
import { assertOptedIn } from './opt-in.js';

/**
 * The folder of DynamoDB Local's jars, fetched by Maven on the first call.
 *
 * @throws NotOptedInError, JavaMissingError, MavenMissingError, DownloadFailedError
 */
export async function dynamoDbLocalJars(
  log?: (line: string) => void,
  options: JarsOptions = {},
): Promise<string> {
  assertOptedIn(options.environment);
  return fetchedJars(
    {
      name: 'dynamodb-local',
      title: 'DynamoDB Local',
      pom: join(packageRoot, 'targets', 'dynamodb-local', 'pom.xml'),
      note: 'once, 50 MB; its licence asks you for an AWS account',
    },
    log,
    options,
  );
}
