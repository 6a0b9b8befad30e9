import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../package-root.js';
import { DownloadFailedError, JavaMissingError, MavenMissingError } from './errors.js';
import { assertOptedIn } from './opt-in.js';

const run = promisify(execFile);

/** What the current release of DynamoDB Local is compiled for. */
const oldestJava = 17;

/**
 * The folder of DynamoDB Local's jars, fetched by Maven on the first call. Its name carries a hash of the pom, and it
 * appears by one rename once it is complete, so a half-fetched one is never used.
 *
 * @throws NotOptedInError, JavaMissingError, MavenMissingError, DownloadFailedError
 */
export async function dynamoDbLocalJars(
  log: (line: string) => void = () => undefined,
  { environment = process.env, root = packageRoot }: { environment?: NodeJS.ProcessEnv; root?: string } = {},
): Promise<string> {
  assertOptedIn(environment);
  await assertJava(environment);
  const pom = join(packageRoot, 'targets', 'dynamodb-local', 'pom.xml');
  const key = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const jars = join(root, '.local', `dynamodb-local-${key}`);
  if (await exists(jars)) return jars;

  log(
    `fetching DynamoDB Local into .local/dynamodb-local-${key} (once, 50 MB); its licence asks you for an AWS account`,
  );
  const fetching = join(root, '.local', `fetching-${randomUUID()}`);
  await mkdir(fetching, { recursive: true });
  try {
    await fetchJars(pom, fetching, environment);
    await rename(fetching, jars).catch(async (error: unknown) => {
      // Another process was faster; what it fetched is the same by its name.
      if (!(await exists(jars))) throw error;
    });
  } finally {
    await rm(fetching, { recursive: true, force: true });
  }
  return jars;
}

/** @throws JavaMissingError */
async function assertJava(env: NodeJS.ProcessEnv): Promise<void> {
  const advice = `install a JRE ${oldestJava} or newer (on Debian and Ubuntu: sudo apt install openjdk-17-jre-headless) and try again`;
  // Java prints its version to stderr.
  const text = await run('java', ['-version'], { env }).then(
    ({ stderr }) => stderr,
    (cause: unknown) => {
      throw new JavaMissingError(`"java -version" failed: ${advice}`, { cause });
    },
  );
  const major = Number(/version "(\d+)/.exec(text)?.[1]);
  if (!(major >= oldestJava))
    throw new JavaMissingError(
      `java is ${text.split('\n')[0] ?? ''}, DynamoDB Local needs ${oldestJava}: ${advice}`,
    );
}

/** @throws MavenMissingError, DownloadFailedError */
async function fetchJars(pom: string, outputDirectory: string, env: NodeJS.ProcessEnv): Promise<void> {
  const goal = [
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${outputDirectory}`,
  ];
  try {
    await run('mvn', ['--batch-mode', '--no-transfer-progress', '--quiet', '--file', pom, ...goal], {
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT')
      throw new MavenMissingError(
        'no mvn on the PATH: install Apache Maven (on Debian and Ubuntu: sudo apt install maven) and try again',
        { cause },
      );
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
    throw new DownloadFailedError(
      `Maven could not fetch DynamoDB Local: check the connection to Maven Central, or the mirror in its settings.xml\n${lines.slice(-12).join('\n')}`,
      { cause },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
