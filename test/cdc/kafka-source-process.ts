import { createRequire } from 'node:module';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { passThrough, runSink, s3Sink, type Decode, type WriteSummary } from '../../runtime/cdc/index.js';
import { kafkaDeadLetters, kafkaSource, type KafkaSourceOptions } from '../../runtime/cdc/kafka/index.js';

export interface SourceOrder {
  readonly servers: string;
  readonly client: string;
  readonly topic: string;
  readonly rows: number;
  readonly bucket: string;
  readonly s3: ConstructorParameters<typeof S3Client>[0];
  readonly stopAtEnd: boolean;
  readonly patienceMs: number;
  /** With it records must be JSON of at most 200 bytes, and letters are at most 2,000 bytes. */
  readonly deadLetterTopic?: string;
}

const readAll: Decode = (record, partition) => {
  const change = passThrough(record, partition);
  // No JSON is refused here.
  return change?.row === undefined ? undefined : change;
};

/** A sink that reads Kafka, in a process of its own: the client is native code, which a test runner cannot unload. */
async function main({
  servers,
  client,
  topic,
  rows,
  bucket,
  s3,
  stopAtEnd,
  patienceMs,
  deadLetterTopic,
}: SourceOrder): Promise<void> {
  const load = () =>
    createRequire(join(client, 'package.json'))('@confluentinc/kafka-javascript') as ReturnType<
      NonNullable<KafkaSourceOptions['client']>
    >;
  const source = kafkaSource({ kafka: { 'bootstrap.servers': servers }, topics: [topic], client: load });
  const letters =
    deadLetterTopic === undefined
      ? undefined
      : kafkaDeadLetters({
          kafka: { 'bootstrap.servers': servers, 'message.max.bytes': 2_000 },
          topic: deadLetterTopic,
          sinkName: 'lake',
          client: load,
        });
  const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  try {
    await runSink({
      source,
      sink: s3Sink({
        name: 'lake',
        bucket,
        client: new S3Client({ ...s3, forcePathStyle: true }),
        ...(letters && { maxLineBytes: 200 }),
      }),
      decode: letters === undefined ? passThrough : readAll,
      ...(letters && { deadLetters: letters }),
      batch: { rows, ms: 200 },
      stopAtEnd,
      patienceMs,
      observe: (write: WriteSummary) => say({ wrote: write.rows }),
    });
    say({ ended: 'well' });
  } catch (error) {
    const { name, message } = error as Error;
    say({ ended: name, message });
  }
  await source.close();
  await letters?.close();
  process.exit(0);
}

if (process.argv[2]?.startsWith('{') === true) void main(JSON.parse(process.argv[2]) as SourceOrder);
