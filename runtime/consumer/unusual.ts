/**
 * What a batch meets now and then and needs nothing of the engine for: loaded with the first message that comes
 * again, is a copy, does not fit its schema or has one that takes its time, or has a problem to be told.
 */
export { oldestSeconds } from './first-enqueue.js';
export { follow } from './follow.js';
export { outOfTime, SchemaOutOfTime } from './out-of-time.js';
export { problemOf } from './problems.js';
export { recallReceipts } from './recall-receipts.js';
export { refused } from './refusal.js';
