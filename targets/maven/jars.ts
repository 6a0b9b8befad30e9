import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../package-root.js';
import { DownloadFailedError, JavaMissingError, MavenMissingError } from './errors.js';

const run = promisify(execFile);

/** What the current releases of DynamoDB Local and of Kafka's broker are compiled for. */
const oldestJava = 17;

/** A set of jars that Maven fetches, as a pom in this repository names them. */
export interface JarSet {
  /** Of the folder below `.local/`, before the hash of the pom. */
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  readonly pom: string;
  /** What a person is told when it is fetched, such as its size. */
  readonly note: string;
}

export interface JarsOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly root?: string;
}

/** Where a set is, fetched or not. Its name carries a hash of the pom. */
export function jarsFolder({ name, pom }: JarSet, root = packageRoot): string {
  const key = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  return join(root, '.local', `${name}-${key}`);
}

/**
 * The folder of a set's jars, fetched by Maven on the first call. It appears by one rename once it is complete, so a
 * half-fetched one is never used.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError
 */
export async function fetchedJars(
  set: JarSet,
  log: (line: string) => void = () => undefined,
  { environment = process.env, root = packageRoot }: JarsOptions = {},
): Promise<string> {
  await assertJava(set.title, environment);
  const jars = jarsFolder(set, root);
  if (await exists(jars)) return jars;

  log(`fetching ${set.title} into ${jars.slice(root.length + 1)} (${set.note})`);
  const fetching = join(root, '.local', `fetching-${randomUUID()}`);
  await mkdir(fetching, { recursive: true });
  try {
    await fetchJars(set, fetching, environment);
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
export async function assertJava(title: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
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
      `java is ${text.split('\n')[0] ?? ''}, ${title} needs ${oldestJava}: ${advice}`,
    );
}

/** @throws MavenMissingError, DownloadFailedError */
async function fetchJars(
  { title, pom }: JarSet,
  outputDirectory: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
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
      `Maven could not fetch ${title}: check the connection to Maven Central, or the mirror in its settings.xml\n${lines.slice(-12).join('\n')}`,
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
