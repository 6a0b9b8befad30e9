import { join } from 'node:path';
import { fetchedJars, type JarSet } from '../../../targets/maven/jars.js';
import { root } from '../../bundle.js';
import type { TransformOrder } from '../transform-order.js';

const folder = join(root, 'bench', 'kafka', 'streams');

const streams: JarSet = {
  name: 'kafka-streams',
  title: 'Kafka Streams',
  pom: join(folder, 'pom.xml'),
  note: 'once, 24 MB, Apache-2.0',
};

/**
 * The command that copies a topic with Kafka Streams and prints what is committed; Java compiles the program itself,
 * for which it needs a JDK.
 *
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError
 */
export async function streamsCommand(log: (line: string) => void): Promise<StreamsCommand> {
  const jars = await fetchedJars(streams, log);
  const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
  return ({ servers, group, input, output }, records) => [
    'java',
    ...['-Xmx512m', logging, '-cp', join(jars, '*'), join(folder, 'StreamsCopy.java')],
    ...[servers, group, input, output, String(records)],
  ];
}

export type StreamsCommand = (
  order: Pick<TransformOrder, 'servers' | 'group' | 'input' | 'output'>,
  records: number,
) => readonly string[];
