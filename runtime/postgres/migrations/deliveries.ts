import type { Migration } from './migration.js';

/** How often records of Kafka were handed out: a row per partition, which each batch changes. */
export const deliveries: Migration = {
  version: 5,
  name: 'deliveries of Kafka',
  sql: `
CREATE TABLE exactly_once.kafka_deliveries (
  consumer text COLLATE "C" NOT NULL,
  partition text COLLATE "C" NOT NULL,
  ranges text NOT NULL,
  PRIMARY KEY (consumer, partition)
) WITH (fillfactor = 50);
`,
};
