/** All that the model runs of the package, in one place. What it replaces by mutants is named in mutation.test.ts. */
export {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
export { effectsOf } from '../../runtime/dynamodb/lease-row.js';
export { EffectBlocked, faultOf, LeaseHeld } from '../../runtime/dedup/errors.js';
export type { Effect, EffectCall, Finding } from '../../runtime/dedup/effect.js';
export { leases } from '../../runtime/lease/consumer-once.js';
export { unlock } from '../../runtime/lease/unlock.js';
export { listBlocked } from '../../runtime/dynamodb/blocked-effects.js';
export { RejectMessage, table, type Transaction } from '../../runtime/dynamodb/index.js';
export { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
export { listGroups, type StoppedGroup } from '../../runtime/dynamodb/groups.js';
export { resumeGroup, skipHead } from '../../runtime/sqs/decide.js';
export { outbox, type Outbox } from '../../runtime/outbox/outbox.js';
