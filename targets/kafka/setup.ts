import { installKafkaClient } from './client.js';
import { kafkaJars } from './jars.js';

/** `npm run setup:kafka`: what the tests of Kafka run on, fetched and compiled once. */
async function main(): Promise<void> {
  const log = (line: string) => console.log(line);
  log(`broker: ${await kafkaJars(log)}`);
  log(`client: ${await installKafkaClient(log)}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
