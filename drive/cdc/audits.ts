import { S3Client } from '@aws-sdk/client-s3';
import type { Pool } from 'pg';
import {
  audit,
  debezium,
  icebergSide,
  lakeSide,
  logSide,
  postgresSide,
  type AuditReport,
  type AuditRow,
  type AuditSide,
} from '../../runtime/cdc/index.js';
import { kafkaSource } from '../../runtime/cdc/kafka/index.js';
import { compiledClient } from './kafka-client.js';
import { icebergPrefix, lakePrefix, topics, type S3Place } from './order.js';

export interface Audited {
  readonly source: Pool;
  readonly model: Pool;
  readonly s3: S3Place;
  readonly servers: string;
  readonly client: string;
  readonly systemId: string;
}

/** A line of the table. */
export interface AuditLine {
  /** What is compared with what, for people. */
  readonly what: string;
  readonly report: AuditReport;
}

const columnsOf = {
  payments: { key: ['id'], columns: ['amount', 'currency'] },
  accounts: { key: ['id'], columns: ['balance'] },
} as const;

/**
 * Each sink against the table that its rows are from, and the logs of changes against Kafka's own: what the auditor
 * reads is what the stores hold, and none of what the sinks keep for themselves.
 */
export async function audits(audited: Audited): Promise<AuditLine[]> {
  const lines: AuditLine[] = [];
  for (const table of ['payments', 'accounts'] as const)
    for (const [what, source, sink] of await sidesOf(audited, table))
      lines.push({ what: `${table}: ${what}`, report: await audit({ source, sink }) });
  return lines;
}

async function sidesOf(
  { source, model, s3, servers, client: folder, systemId }: Audited,
  table: keyof typeof topics,
): Promise<readonly (readonly [what: string, source: AuditSide, sink: AuditSide])[]> {
  const audited = { partition: table, ...columnsOf[table] };
  const topic = topics[table];
  const log = kafkaSource({
    kafka: { 'bootstrap.servers': servers },
    topics: [topic],
    client: compiledClient(folder),
  });
  const { bucket, ...place } = s3;
  const client = new S3Client({ ...place, forcePathStyle: true });
  const [at] = await log.partitions();
  // Of this incarnation alone: with the snapshot that it begins with it holds everything.
  const topicId = at?.topicId ?? '';
  const prefix = `${lakePrefix}${topicId}/`;
  const rows = postgresSide({ ...audited, client: source, table });
  // One list for both: it is closed when it has been read.
  const changes = await kept(logSide({ ...audited, source: log, decode: debezium({ systemId }) }), log);
  const lake = { ...audited, bucket, prefix, client };
  const iceberg = { ...audited, bucket, prefix: icebergPrefix, client, topic, topicId };
  const note = table === 'payments' ? ['note'] : [];
  const all = { ...audited, columns: [...audited.columns, ...note] };
  return [
    [
      'read model against the table',
      postgresSide({ ...all, client: source, table }),
      postgresSide({ ...all, client: model, table }),
    ],
    ['S3 lake, last of each row, against the table', rows, lakeSide(lake)],
    ['S3 lake, every change, against Kafka', changes, lakeSide({ ...lake, as: 'changes' })],
    ['Iceberg, last of each row, against the table', rows, icebergSide(iceberg)],
    ['Iceberg, every change, against Kafka', changes, icebergSide({ ...iceberg, as: 'changes' })],
  ];
}

async function kept(side: AuditSide, log: { close(): Promise<void> }): Promise<AuditSide> {
  const rows: AuditRow[] = [];
  for await (const row of side.rows()) rows.push(row);
  await log.close();
  return {
    name: side.name,
    async *rows() {
      await Promise.resolve();
      yield* rows;
    },
  };
}
