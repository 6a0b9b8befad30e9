import {
  debezium,
  dynamoSink,
  icebergFileCatalog,
  icebergSink,
  runSink,
  s3Sink,
  type Sink,
} from '../../runtime/cdc/index.js';
import { kafkaDeadLetters, kafkaSinkSettings, kafkaSource } from '../../runtime/cdc/kafka/index.js';
import { required } from '../environment.js';

/** A process, not a function: one of the sinks of the payments, as its name says. */
const { sinkName: name, source, deadLetters } = kafkaSinkSettings(process.env);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

function sinkOf(): Sink {
  switch (name) {
    case 'payments-lake':
      return s3Sink({ name, bucket: required('LAKE_BUCKET'), prefix: 'lake/' });
    case 'payments-iceberg':
      return icebergSink({
        name,
        catalog: icebergFileCatalog({ bucket: required('LAKE_BUCKET'), prefix: 'iceberg/payments/' }),
      });
    case 'payments-model':
      return dynamoSink({
        name,
        watermarks: required('DEDUP_TABLE'),
        tables: Object.fromEntries(
          source.topics.map((topic) => [topic, { tableName: required('MODEL_TABLE'), key: ['id'] }]),
        ),
      });
    default:
      throw new Error(
        `there is no sink '${name}'; name it payments-lake, payments-iceberg or payments-model`,
      );
  }
}

const run = async () => {
  const log = kafkaSource(source);
  const letters = deadLetters && kafkaDeadLetters(deadLetters);
  await runSink({
    source: log,
    sink: sinkOf(),
    decode: debezium({ systemId: required('SYSTEM_IDENTIFIER') }),
    ...(letters && { deadLetters: letters }),
    signal: stop.signal,
    observe: ({ partition, rows, duplicates, overtaken, next }) =>
      console.log(
        JSON.stringify({
          sink: name,
          topic: partition.topic,
          rows,
          duplicates,
          overtaken,
          next: String(next),
        }),
      ),
  });
  await log.close();
  await letters?.close();
};

run().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
