import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KafkaToolError } from './errors.js';

const run = promisify(execFile);

/**
 * The command of a main class of Kafka's.
 *
 * @param megabytes of heap at most
 * @param logger settings of slf4j-simple
 */
export function javaCommand(
  jars: string,
  mainClass: string,
  args: readonly string[],
  megabytes: number,
  logger: Readonly<Record<string, string>>,
): string[] {
  // One collector thread and the first compiler only: it shares two cores with the tests.
  const jvm = [`-Xmx${megabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const logging = Object.entries(logger).map(([name, value]) => `-Dorg.slf4j.simpleLogger.${name}=${value}`);
  return ['java', ...jvm, ...logging, '-cp', join(jars, '*'), mainClass, ...args];
}

/** Runs one of Kafka's own tools. @returns what it printed. @throws KafkaToolError */
export async function runTool(jars: string, mainClass: string, args: readonly string[]): Promise<string> {
  const [java = 'java', ...rest] = javaCommand(jars, mainClass, args, 256, {
    defaultLogLevel: 'error',
  });
  try {
    const { stdout } = await run(java, rest, { maxBuffer: 512 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new KafkaToolError(`${mainClass} failed: ${stderr.split('\n').slice(0, 12).join('\n')}`, { cause });
  }
}

/** The Java consumer ends when nothing has come for so long. The first try is for a quiet machine. */
const idleMs = [5_000, 20_000, 60_000];

/**
 * The values of a topic's committed records, which hold no line break, as Kafka's own Java consumer reads them.
 *
 * @param atLeast with fewer than these the consumer is given more time: it may only have been slow
 * @param isWithHeaders before each value stand its headers, `name:value,name:value`, and a tab
 */
export async function readRecords(
  jars: string,
  servers: string,
  topic: string,
  atLeast: number,
  isWithHeaders = false,
): Promise<string[]> {
  let values: string[] = [];
  for (const idle of idleMs) {
    const text = await runTool(jars, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', servers, '--topic', topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', String(idle)],
      ...['--formatter-property', `print.headers=${isWithHeaders}`],
    ]);
    values = text.split('\n').filter((line) => line !== '');
    if (values.length >= atLeast) break;
  }
  return values;
}

/**
 * What may hold read_committed readers of a topic back, as Kafka's own tools tell it, for people: its last offsets,
 * the transactions of every transactional id, and per partition the producers with the offset at which their open
 * transaction starts ("None": it has none).
 */
export async function describeTransactions(
  jars: string,
  servers: string,
  topic: string,
  partitions = 4,
): Promise<string> {
  const ask = (mainClass: string, ...args: string[]) =>
    runTool(jars, `org.apache.kafka.tools.${mainClass}`, ['--bootstrap-server', servers, ...args]).catch(
      (error: unknown) => String(error),
    );
  const said = [await ask('GetOffsetShell', '--topic', topic), await ask('TransactionsCommand', 'list')];
  for (let partition = 0; partition < partitions; partition += 1)
    said.push(
      await ask(
        'TransactionsCommand',
        ...['describe-producers', '--topic', topic, '--partition', String(partition)],
      ),
    );
  return said.join('\n');
}

/** Adds or removes rules of the authorizer. */
export async function changeRights(jars: string, servers: string, rules: readonly string[]): Promise<void> {
  await runTool(jars, 'org.apache.kafka.tools.AclCommand', ['--bootstrap-server', servers, ...rules]);
}

/** Partitions that lack a replica in sync, as Kafka's own tool lists them; empty when none does. */
export async function outOfSync(jars: string, servers: string): Promise<string> {
  const list = ['--bootstrap-server', servers, '--describe', '--under-replicated-partitions'];
  return (await runTool(jars, 'org.apache.kafka.tools.TopicCommand', list)).trim();
}
