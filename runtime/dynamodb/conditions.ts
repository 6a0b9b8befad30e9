/**
 * Every condition of the runtime (R9): nowhere else may one be written. A file for each mutation run that kills them.
 */
export * from './api-conditions.js';
export * from './commit-conditions.js';
export type { Condition } from './condition.js';
export * from './early-conditions.js';
export * from './group-conditions.js';
export * from './history-conditions.js';
export * from './lease-conditions.js';
export * from './outbox-conditions.js';
