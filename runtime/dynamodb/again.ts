/**
 * What is loaded when a commit does not go through at its first call, or a message comes again: one module, because
 * each that is loaded by itself makes one more file of what all of them share.
 */
export { readReasons } from './cancelled.js';
export { commitInParts } from './commit-in-parts.js';
export { commitOn, mayRunAgain } from './contention.js';
export { recall, recallMessages, recallRows } from './receipts-again.js';
export { judgeRow } from './receipt-verdict.js';
export { withOwnBody } from '../dedup/own-copy.js';
