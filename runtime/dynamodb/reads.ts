/** What is loaded by the first handler that reads. */
export { itemReader } from './read-item.js';
export { readOf, stillStand } from './transaction-read.js';
