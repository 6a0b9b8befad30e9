/** What is loaded with the first message that fails, or was delivered before. */
export { DynamoFailureStore } from '../dynamodb/failure-store.js';
export { GroupStore } from '../dynamodb/group-store.js';
export { storeBody } from '../dynamodb/stored-text.js';
export { defer, sendDeadLetter } from './failing.js';
export { restore } from './restore.js';
