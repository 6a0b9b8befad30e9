import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { kafkaClientFolder } from './client.js';
import { kafkaJarsFolder } from './jars.js';

/** What is missing for tests of Kafka on this machine, as a line for people; undefined when nothing is. */
export function kafkaMissing(): string | undefined {
  const missing = [
    ...(spawnSync('java', ['-version']).status === 0 ? [] : ['java']),
    ...(existsSync(kafkaJarsFolder()) ? [] : ["the broker's jars"]),
    ...(existsSync(kafkaClientFolder()) ? [] : ['the compiled client']),
  ];
  return missing.length === 0
    ? undefined
    : `Kafka is not set up here (missing: ${missing.join(', ')}): npm run setup:kafka`;
}
