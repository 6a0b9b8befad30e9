import type { ClientSettings } from './client-port.js';
import type { ProcessorSettings } from './options.js';

/**
 * The consumer's settings. No static membership: a group.instance.id would let a zombie in by its name (R39). Eager
 * assignment: a partition is given up only between two transactions, and then all of them are.
 */
export function consumerSettings(
  { kafka, consumerName, sessionTimeoutMs }: ProcessorSettings,
  onRebalance: unknown,
): ClientSettings {
  return {
    'heartbeat.interval.ms': Math.max(100, Math.floor(sessionTimeoutMs / 4)),
    ...kafka,
    'group.id': consumerName,
    'session.timeout.ms': sessionTimeoutMs,
    'partition.assignment.strategy': 'range,roundrobin',
    'isolation.level': 'read_committed',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    // Says how far a partition has been read where nothing stands that could be handed out.
    'enable.partition.eof': true,
    rebalance_cb: onRebalance,
  };
}

/** A missing offset is an error, never a silent jump. */
export const consumerTopicSettings: ClientSettings = { 'auto.offset.reset': 'error' };

export function producerSettings(
  { kafka, transactionTimeoutMs }: ProcessorSettings,
  transactionalId: string,
): ClientSettings {
  return {
    // Records of one key go where Kafka's Java clients send them.
    partitioner: 'murmur2_random',
    'linger.ms': 5,
    ...kafka,
    'transactional.id': transactionalId,
    'transaction.timeout.ms': transactionTimeoutMs,
    // The client refuses one longer than the transaction.
    'message.timeout.ms': transactionTimeoutMs,
    'enable.idempotence': true,
    // An aborted transaction says only how many of its records were not taken; these say why.
    dr_cb: true,
    'delivery.report.only.error': true,
  };
}
