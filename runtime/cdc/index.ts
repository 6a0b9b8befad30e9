/**
 * Change data capture: from the log that Debezium writes into tables and lakes, each change exactly once.
 *
 * ```ts
 * await runSink({
 *   source,
 *   sink: postgresSink({ name: 'read-model', pool, tables }),
 *   decode: debezium({ systemId }),
 * });
 * ```
 */
import { warnOfOldNode } from '../telemetry/node-version.js';

export { runSink } from './run-sink.js';
export type { PartitionSummary, SinkRunOptions, WriteSummary } from './run-options.js';
export type { FetchOptions, Source, SourceRecord, TopicPartition } from './source.js';
export type { Batch, Sink, SinkState } from './sink.js';
export type { Change, Columns, Decode } from './change.js';
export type { DeadLetter, DeadLetters } from './dead-letters.js';
export {
  isBehind,
  sourcePosition,
  storedPosition,
  type PositionParts,
  type SourcePosition,
} from './position.js';
export { debezium, type DebeziumOptions } from './debezium.js';
export { passThrough } from './pass-through.js';
export { assertDebezium } from './debezium-version.js';
export { dynamoSink, type DynamoSinkOptions, type DynamoSinkTable } from './dynamo-sink.js';
export { postgresSink, postgresSinkTable, type PostgresSinkOptions } from './postgres-sink.js';
export type { SinkTable } from './postgres-rows.js';
export type { SqlClient, SqlPool } from './pg-port.js';
export { s3Sink, type S3SinkOptions } from './s3-sink.js';
export { icebergSink, type IcebergSinkOptions } from './iceberg/iceberg-sink.js';
export { icebergCleanup, type IcebergCleanupOptions } from './iceberg/cleanup.js';
export { icebergFileCatalog, type IcebergFileCatalogOptions } from './iceberg/file-catalog.js';
export type { IcebergCatalog, Snapshot, TableCommit, TableMetadata, TableState } from './iceberg/catalog.js';
export type { IcebergType } from './iceberg/columns.js';
export { s3DeadLetters, type S3DeadLettersOptions } from './s3-dead-letters.js';
export { MemoryLog } from './memory-log.js';
export {
  BatchRefused,
  DebeziumTooOld,
  RecordRefused,
  RecordsMissing,
  RowRefused,
  RowTooLarge,
  SchemaChanged,
  SinkUnavailable,
  SourceUnavailable,
  UndecodableRecord,
  ValueMissing,
} from './errors.js';
export {
  audit,
  AuditFailed,
  type AuditFinding,
  type AuditOptions,
  type AuditReport,
  type FindingKind,
  type PartitionAudit,
} from './audit/audit.js';
export { scheduledAudit, type ScheduledAuditOptions } from './audit/scheduled-audit.js';
export type { AuditSide } from './audit/side.js';
export type { AuditRow } from './audit/tally.js';
export type { AuditedColumns } from './audit/row-text.js';
export { dynamoSide, type DynamoSideOptions } from './audit/dynamo-side.js';
export { icebergSide, type IcebergSideOptions } from './audit/iceberg-side.js';
export { lakeSide, type LakeSideOptions } from './audit/lake-side.js';
export { logSide, type LogSideOptions } from './audit/log-side.js';
export { postgresSide, type PostgresSideOptions } from './audit/postgres-side.js';

warnOfOldNode();
