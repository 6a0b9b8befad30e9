import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { KafkaSourceOptions } from '../../runtime/cdc/kafka/index.js';

/** The client as `npm run setup:kafka` has compiled it, in a folder of its own. */
export function compiledClient(folder: string): NonNullable<KafkaSourceOptions['client']> {
  return () =>
    createRequire(join(folder, 'package.json'))('@confluentinc/kafka-javascript') as ReturnType<
      NonNullable<KafkaSourceOptions['client']>
    >;
}
