/** What is loaded by the first handler that reads, or that makes its own receipt. */
export { itemReader } from './read-item.js';
export { assertReceipt } from './row-receipt.js';
export { readOf, stillStand } from './transaction-read.js';
