import { basename } from 'node:path';
import { kafkaMissing } from '../../../targets/kafka/index.js';

/** `describe` where Kafka is set up; elsewhere it skips by name, and a line says what is missing. */
export function describeWithKafka(file: string): jest.Describe {
  const missing = kafkaMissing();
  if (missing === undefined) return describe;
  process.stdout.write(`${basename(file)} is skipped. ${missing}\n`);
  return describe.skip;
}
