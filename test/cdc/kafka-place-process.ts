import { createRequire } from 'node:module';
import { join } from 'node:path';
import { kafkaSource, type KafkaSourceOptions } from '../../runtime/cdc/kafka/index.js';

export interface PlaceOrder {
  readonly servers: string;
  readonly client: string;
  /** Of one partition each. Of the first so much waits that the client is told to fetch no more of it. */
  readonly topics: readonly [wide: string, empty: string];
}

/** Asks for a partition, lets more of it come than may wait here, and asks for it from its beginning again. */
async function main({ servers, client, topics }: PlaceOrder): Promise<void> {
  const load = () =>
    createRequire(join(client, 'package.json'))('@confluentinc/kafka-javascript') as ReturnType<
      NonNullable<KafkaSourceOptions['client']>
    >;
  const source = kafkaSource({ kafka: { 'bootstrap.servers': servers }, topics, client: load });
  const all = await source.partitions();
  const [wide, empty] = topics.map((name) => all.find(({ topic }) => topic === name));
  if (wide === undefined || empty === undefined) throw new Error(`no ${topics.join(' or ')} in the log`);
  const one = { maxRecords: 1, maxBytes: 1 };
  const first = await source.fetch(wide, 0n, { ...one, waitMs: 30_000 });
  await source.fetch(empty, 0n, { ...one, waitMs: 3_000 });
  const again = await source.fetch(wide, 0n, { ...one, waitMs: 20_000 });
  process.stdout.write(JSON.stringify({ first: first.length, again: again.length }));
  await source.close();
  process.exit(0);
}

if (process.argv[2]?.startsWith('{') === true) void main(JSON.parse(process.argv[2]) as PlaceOrder);
