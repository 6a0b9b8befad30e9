/** What is loaded with the first record that fails, or was handed out before. */
export { DynamoFailureStore, sendDeadLetter, storeBody } from '../sqs/trouble.js';
export { asQueueRecord } from './dead-letter.js';
export { countedFailures } from './counted-failures.js';
