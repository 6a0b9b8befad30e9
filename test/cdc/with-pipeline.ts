import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { connectJarsFolder } from '../../targets/connect/index.js';
import { kafkaMissing } from '../../targets/kafka/index.js';

/** Payments that Postgres commits in the longest of the runs. Without it none is made: each takes minutes. */
export const pipelineRows = Number(process.env.CDC_ROWS ?? 0);

/** `describe` where it can be run and was asked for; elsewhere it is skipped by name, and a line says why. */
export function describeWithPipeline(file: string): jest.Describe {
  const missing = [
    pipelineRows > 0 ? undefined : 'CDC_ROWS, such as 5000: minutes of Postgres, Debezium, Connect and Kafka',
    kafkaMissing(),
    existsSync(connectJarsFolder()) || spawnSync('mvn', ['-version']).status === 0 ? undefined : 'Maven',
  ].filter((what) => what !== undefined);
  if (missing.length === 0) return describe;
  process.stdout.write(`${basename(file)} is skipped. Missing: ${missing.join('; ')}\n`);
  return describe.skip;
}
