/** All that the model runs of the package, in one place. What it replaces by mutants is named in mutation.test.ts. */
export {
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  type BatchSummary,
  type SqsConsumer,
} from '../../runtime/consumer/index.js';
export { RejectMessage, table, type Transaction } from '../../runtime/dedup/index.js';
export { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
export { listGroups, resumeGroup, skipHead, type StoppedGroup } from '../../runtime/dedup/groups.js';
export { outbox, type Outbox } from '../../runtime/outbox/outbox.js';
