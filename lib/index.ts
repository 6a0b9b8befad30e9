/**
 * CDK constructs: a channel, a table of receipts, and a consumer that processes each message of the channel once per
 * key.
 *
 * ```ts
 * const dedupTable = new DedupTable(this, 'Dedup');
 * const channel = new MessageChannel(this, 'Payments', { kind: ChannelKind.FIFO });
 * const consumer = new IdempotentConsumer(this, 'Settlement', {
 *   consumerName: 'settlement',
 *   channel,
 *   dedupTable,
 *   entry: join(__dirname, 'settlement.ts'),
 * });
 * accounts.grants.actions(consumer.function, 'dynamodb:UpdateItem');
 * ```
 *
 * What each of them guarantees, and when not, is in its own description; what is checked is in docs/guarantees.md.
 */
import './guarantees/node-version.js';
export { MessageChannel } from './channel/message-channel.js';
export { MessageChannelGrants } from './channel/message-channel-grants.js';
export type { IMessageChannel } from './channel/channel-base.js';
export type { ProducerOptions } from './channel/add-producer.js';
export { PayloadBucket, type PayloadBucketProps } from './channel/payload-bucket.js';
export { SpilloverChannel, type SpilloverChannelProps } from './channel/spillover-channel.js';
export { MigratingConsumer, type MigratingConsumerProps } from './consumer/migrating-consumer.js';
export { SpilloverConsumer, type SpilloverConsumerProps } from './consumer/spillover-consumer.js';
export type { ChannelWorkload } from './channel/channel-workload.js';
export {
  ChannelKind,
  type ExistingQueuesProps,
  type MessageChannelProps,
} from './channel/message-channel-props.js';
export {
  HandlerFunction,
  type HandlerFunctionProps,
  type HandlerFunctionResources,
} from './consumer/handler-function.js';
export type { BaseFunctionOptions, HandlerFunctionOptions } from './consumer/handler-function-options.js';
export { CommitWay } from './consumer/commit-way.js';
export { ConsumerAlarms, DeadLetterKind } from './consumer/consumer-alarms.js';
export type {
  ConsumerAlarmsOptions,
  ConsumerAlarmsProps,
  ConsumerAlarmThresholds,
} from './consumer/consumer-alarms.js';
export { IdempotentConsumer } from './consumer/idempotent-consumer.js';
export { OnFailure } from './consumer/on-failure.js';
export type { ConsumerOptions, IdempotentConsumerProps } from './consumer/idempotent-consumer-props.js';
export { DedupTable, type DedupTableProps } from './dedup/dedup-table.js';
export type { IDedupTable } from './dedup/dedup-table-base.js';
export { DedupTableGrants } from './dedup/dedup-table-grants.js';
export { horizon, type HorizonProps } from './guarantees/horizon.js';
export { InvalidProps, type Violation } from './guarantees/invalid-props.js';
export { OutboxRelay } from './outbox/outbox-relay.js';
export type { OutboxRelayProps } from './outbox/outbox-relay-props.js';
export { OutboxTable, type OutboxTableProps } from './outbox/outbox-table.js';
export { OutboxTableGrants } from './outbox/outbox-table-grants.js';
export { RelayAlarms, type RelayAlarmsProps } from './outbox/relay-alarms.js';
export { RelayTarget, type RelayTargetConfig, type RelayTargetOptions } from './outbox/relay-target.js';
export { IdempotentApi } from './api/idempotent-api.js';
export { IdempotentApiGrants } from './api/idempotent-api-grants.js';
export type { IdempotentApiProps, IdempotentRoute, KeyedApiProps } from './api/idempotent-api-props.js';
export { IdempotentRestApi } from './api/idempotent-rest-api.js';
export type { IdempotentRestApiProps } from './api/idempotent-rest-api-props.js';
export { KafkaProcessor } from './kafka/kafka-processor.js';
export { KafkaProcessorAlarms, type KafkaProcessorAlarmsProps } from './kafka/kafka-processor-alarms.js';
export type { KafkaProcessorProps } from './kafka/kafka-processor-props.js';
export { JobQueue, type JobProducerOptions } from './jobs/job-queue.js';
export type { JobQueueProps } from './jobs/job-queue-props.js';
export { KafkaConsumer, type KafkaConsumerAlarmsOptions } from './kafka/kafka-consumer.js';
export { KafkaAuthentication, type KafkaConsumerProps } from './kafka/kafka-consumer-props.js';
export type { KafkaWorkload } from './kafka/kafka-workload.js';
export { WebhookPage, type WebhookPageProps } from './webhook/webhook-page.js';
export { WebhookReceiver } from './webhook/webhook-receiver.js';
export { PostgresConsumer } from './postgres/postgres-consumer.js';
export type { PostgresConsumerProps } from './postgres/postgres-consumer-props.js';
export { PostgresRelay } from './postgres/postgres-relay.js';
export type { PostgresRelayProps } from './postgres/postgres-relay-props.js';
export { PostgresCdcRelay, type PostgresCdcRelayProps } from './postgres/postgres-cdc-relay.js';
export { PostgresPollingRelay } from './postgres/postgres-polling-relay.js';
export type { PostgresPollingRelayProps } from './postgres/postgres-polling-relay-props.js';
export type { PostgresRelayServiceProps } from './postgres/postgres-relay-service-props.js';
export type { PostgresOutboxProps } from './postgres/postgres-outbox-props.js';
export { AuditSchedule } from './cdc/audit-schedule.js';
export type { AuditScheduleProps } from './cdc/audit-schedule-props.js';
export { ConnectAlarms, type ConnectAlarmsProps } from './cdc/connect-alarms.js';
export { ConnectService } from './cdc/connect-service.js';
export type { ConnectServiceProps } from './cdc/connect-service-props.js';
export { ConnectWorker, type ConnectWorkerProps } from './cdc/connect-worker.js';
export { DebeziumConnector } from './cdc/debezium-connector.js';
export type { DebeziumConnectorProps } from './cdc/debezium-connector-props.js';
export { LakeBucket, type LakeBucketProps } from './cdc/lake-bucket.js';
export { SinkService } from './cdc/sink-service.js';
export type { SinkServiceProps } from './cdc/sink-service-props.js';
export { SnowflakeConnector, type SnowflakeConnectorProps } from './cdc/snowflake-connector.js';
export type { WebhookReceiverProps, WebhookSourceProps } from './webhook/webhook-receiver-props.js';
export { WebhookSender } from './webhook/webhook-sender.js';
export type { WebhookSenderProps } from './webhook/webhook-sender-props.js';
export { WebhookTableGrants } from './webhook/webhook-table-grants.js';
export { ExactlyOnceChecks, type ExactlyOnceChecksProps } from './prover/exactly-once-checks.js';
export { FindingLevel, type Finding } from './prover/finding.js';
export { ReplacementChecks, type ReplacementChecksProps } from './prover/replacement-checks.js';
export { GuaranteeDashboard, type GuaranteeDashboardProps } from './telemetry/guarantee-dashboard.js';
