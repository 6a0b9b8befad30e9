import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KafkaToolError } from './errors.js';

const run = promisify(execFile);

/** The command of a main class of Kafka's. @param megabytes of heap at most */
export function javaCommand(
  jars: string,
  mainClass: string,
  args: readonly string[],
  megabytes: number,
): string[] {
  // One collector thread and the first compiler only: it shares two cores with the tests.
  const jvm = [`-Xmx${megabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  return ['java', ...jvm, '-cp', join(jars, '*'), mainClass, ...args];
}

/** Runs one of Kafka's own tools. @returns what it printed. @throws KafkaToolError */
export async function runTool(jars: string, mainClass: string, args: readonly string[]): Promise<string> {
  const [java = 'java', ...rest] = javaCommand(jars, mainClass, args, 256);
  try {
    const { stdout } = await run(java, rest, { maxBuffer: 512 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new KafkaToolError(`${mainClass} failed: ${stderr.split('\n').slice(0, 12).join('\n')}`, { cause });
  }
}

/** Ends when nothing has come for so long. */
const idleMs = 5_000;

async function consumed(jars: string, servers: string, topic: string): Promise<string> {
  return runTool(jars, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', servers, '--topic', topic, '--from-beginning'],
    ...['--isolation-level', 'read_committed', '--timeout-ms', String(idleMs)],
  ]);
}

/** The values of a topic's committed records, which hold no line break. */
export async function readRecords(jars: string, servers: string, topic: string): Promise<string[]> {
  return (await consumed(jars, servers, topic)).split('\n').filter((line) => line !== '');
}

export async function countRecords(jars: string, servers: string, topic: string): Promise<number> {
  return (await readRecords(jars, servers, topic)).length;
}
