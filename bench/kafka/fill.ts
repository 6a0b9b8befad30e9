import type { FillOrder } from './transform-order.js';

interface FillClient {
  readonly AdminClient: {
    create(settings: object): {
      createTopic(topic: object, ms: number, done: (error: Error | null) => void): void;
    };
  };
  readonly HighLevelProducer: new (
    settings: object,
    topicSettings: object,
  ) => {
    connect(options: object, done: (error: Error | null) => void): void;
    setPollInterval(ms: number): void;
    produce(
      topic: string,
      partition: null,
      value: Buffer,
      key: string,
      at: null,
      done: (error: Error | null) => void,
    ): void;
  };
}

const partitions = 4;
/** Records under way at once. */
const window = 2_000;

/** Makes topics, and writes records of so many bytes into the first one. */
export async function fill(client: unknown, { servers, topics, records, bytes }: FillOrder): Promise<void> {
  const { AdminClient, HighLevelProducer } = client as FillClient;
  const common = { 'bootstrap.servers': servers };
  const admin = AdminClient.create(common);
  for (const topic of topics)
    await done((end) =>
      admin.createTopic({ topic, num_partitions: partitions, replication_factor: 1 }, 20_000, end),
    );
  const producer = new HighLevelProducer({ ...common, 'linger.ms': 20 }, {});
  await done((end) => producer.connect({}, end));
  producer.setPollInterval(20);
  const value = Buffer.alloc(bytes, 'x');
  const [input = ''] = topics;
  for (let from = 0; from < records; from += window)
    await Promise.all(
      Array.from({ length: Math.min(window, records - from) }, (_, index) =>
        done((end) => producer.produce(input, null, value, String(from + index), null, end)),
      ),
    );
}

function done(call: (end: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
