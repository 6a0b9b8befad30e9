import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A worker in a JVM of its own. */
export interface JavaWorker {
  /** With its exit code, or the signal that ended it. */
  readonly ended: Promise<string>;
  /** Asks it to end: it leaves its group first. */
  stop(): void;
}

/**
 * Starts a distributed worker. Its output goes to that of this process.
 *
 * @param jars folder of its class path
 */
export async function startJavaWorker(
  jars: string,
  config: Readonly<Record<string, string>>,
): Promise<JavaWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-connect-'));
  const properties = join(folder, 'worker.properties');
  await writeFile(properties, propertiesText(config), { mode: 0o600 });
  const child = spawn('java', connectCommand(jars, properties), { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code ?? 'unknown'}`));
  });
  void ended.then(() => rm(folder, { recursive: true, force: true }));
  return { ended, stop: () => void child.kill('SIGTERM') };
}

/** What is left of a container's memory is Java's own, and this program's. */
const heap = ['-XX:MaxRAMPercentage=60', '-XX:+ExitOnOutOfMemoryError'];

/** Arguments for `java`. */
function connectCommand(jars: string, properties: string): string[] {
  const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
  return [...heap, log, '-cp', join(jars, '*'), main, properties];
}

/** In a file of properties a backslash begins an escape. */
export function propertiesText(config: Readonly<Record<string, string>>): string {
  return Object.entries(config)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}
