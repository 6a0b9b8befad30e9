/**
 * Effects that no transaction can hold, under leases: `sqsConsumer({ leases: leases() })`, then `tx.once(name,
 * effect)`.
 */
export { leases } from './consumer-once.js';
export type { LeasesOptions } from './leases-options.js';
export type { Effect, EffectCall, Finding, LookUp, Once, OnUnknown } from '../dedup/effect.js';
export type { Leases } from '../dynamodb/lease-scope.js';
export {
  EffectBlocked,
  EffectNotStarted,
  EffectRepeated,
  LeaseHeld,
  LeaseLost,
  OutcomeUnknown,
  ResultLost,
  Waiting,
} from '../dedup/errors.js';
export { leaseMetrics, logLeaseEvent, type LeaseEvent, type LeaseObserver } from './lease-event.js';
export { downstreamKey } from './downstream-key.js';
export { listBlocked, type BlockedEffect } from '../dynamodb/blocked-effects.js';
export { unlock } from './unlock.js';
export type { UnlockOrder } from './unlock-in.js';
